#include "loopline/bandit/synthetic_world.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace loopline::bandit {
namespace {

constexpr std::int64_t kRows = 40;
const SyntheticConfig kTiny{.actions = 7, .dimensions = 2, .degree = 3, .kept = .5};

/// l(x, a) by the explicit polynomial, from the public coefficients.
std::vector<double> table_of(const SyntheticWorld& world, const WorldRows& rows) {
  std::vector<double> table;
  for (std::size_t i = 0; i < rows.rows; ++i) {
    for (std::size_t a = 0; a < rows.actions; ++a) {
      double l = world.offset(a);
      for (std::size_t m = 0; m < world.monomials().size(); ++m) {
        double product = 1;
        for (std::size_t j = 0; j < rows.features; ++j) {
          product *= std::pow(rows.context[i * rows.features + j], world.monomials()[m][j]);
        }
        l += world.slopes(a)[m] * product;
      }
      table.push_back(l);
    }
  }
  return table;
}

std::pair<double, double> moments_of(const std::vector<double>& table) {
  double mean = 0, square = 0;
  for (const double l : table) mean += l / static_cast<double>(table.size());
  for (const double l : table) square += (l - mean) * (l - mean);
  return {mean, std::sqrt(square / static_cast<double>(table.size()))};
}

TEST(SyntheticWorlds, RewardsAreTheExplicitPolynomials) {
  for (const bool slip : {false, true}) {
    SyntheticConfig config = kTiny;
    config.reference_z_score = slip;
    const SyntheticWorld world(config, -2, {.seed = 3}, kRows);
    WorldRows rows;
    world.fill(0, kRows, rows);
    const std::vector<double> table = table_of(world, rows);
    const auto [mean, deviation] = moments_of(table);
    EXPECT_NEAR(world.mean(), mean, 1e-12);
    EXPECT_NEAR(world.deviation(), deviation, 1e-12);
    for (std::size_t i = 0; i < table.size(); ++i) {
      const double z = slip ? table[i] - mean / deviation : (table[i] - mean) / deviation;
      EXPECT_NEAR(rows.reward[i], 1 / (1 + std::exp(-3 * z)), 1e-12);
    }
  }
}

TEST(SyntheticWorlds, LoggingIsTheSoftmaxOfTheRewards) {
  for (const double temperature : {-5., 0., 800.}) {
    const SyntheticWorld world(kTiny, temperature, {.seed = 1}, kRows);
    WorldRows rows;
    world.fill(0, kRows, rows);
    for (std::size_t i = 0; i < rows.rows; ++i) {
      const double* q = rows.reward.data() + i * rows.actions;
      const double* p = rows.logging.data() + i * rows.actions;
      double sum = 0;
      for (std::size_t a = 0; a < rows.actions; ++a) {
        sum += p[a];
        double rest = 0;
        for (std::size_t b = 0; b < rows.actions; ++b)
          rest += std::exp(temperature * (q[b] - q[a]));
        EXPECT_NEAR(p[a], 1 / rest, 1e-12);
      }
      EXPECT_NEAR(sum, 1, 1e-12);
    }
  }
}

TEST(SyntheticWorlds, DecisionsFollowTheirProbabilities) {
  const SyntheticWorld world(kTiny, 3, {.seed = 5}, 20000);
  WorldRows rows;
  world.fill(0, 20000, rows);
  const LogBlock log = world.decide(rows);
  std::vector<double> seen(rows.actions), expected(rows.actions), spread(rows.actions);
  double reward = 0, reward_expected = 0, reward_spread = 0;
  for (std::size_t i = 0; i < rows.rows; ++i) {
    for (std::size_t a = 0; a < rows.actions; ++a) {
      const double p = rows.logging[i * rows.actions + a];
      expected[a] += p;
      spread[a] += p * (1 - p);
    }
    const auto chosen = static_cast<std::size_t>(log.action[i]);
    seen[chosen] += 1;
    EXPECT_EQ(log.propensity[i], rows.logging[i * rows.actions + chosen]);
    const double q = rows.reward[i * rows.actions + chosen];
    reward += log.reward[i];
    reward_expected += q;
    reward_spread += q * (1 - q);
  }
  for (std::size_t a = 0; a < rows.actions; ++a) {
    EXPECT_NEAR(seen[a], expected[a], 4.5 * std::sqrt(spread[a])) << a;
  }
  EXPECT_NEAR(reward, reward_expected, 4.5 * std::sqrt(reward_spread));
}

TEST(SyntheticWorlds, RowsDoNotDependOnWhatElseIsAsked) {
  const SyntheticWorld world(kTiny, 1, {.seed = 8}, kRows);
  WorldRows all, part;
  world.fill(0, kRows, all);
  world.fill(30, 5, part);
  EXPECT_EQ(part.context, std::vector<double>(all.context.begin() + 60, all.context.begin() + 70));
  EXPECT_EQ(part.reward, std::vector<double>(all.reward.begin() + 210, all.reward.begin() + 245));
  const LogBlock log = world.decide(all);
  EXPECT_EQ(world.decide(part).action,
            std::vector<std::int64_t>(log.action.begin() + 30, log.action.begin() + 35));
  WorldRows elsewhere;
  world.elsewhere(WorldPart::kFresh).fill(0, kRows, elsewhere);
  EXPECT_NE(elsewhere.context, all.context);
}

// Binomial(4, .1) active monomials: .9^4 = .656 of the actions have none and share one function.
TEST(SyntheticWorlds, TwoThirdsOfTheActionsShareTheirRewards) {
  const SyntheticWorld world({.actions = 3000}, 1, {.seed = 2}, 2);
  EXPECT_EQ(world.monomials().size(), 12U);  // of 126
  WorldRows rows;
  world.fill(0, 1, rows);
  const std::set<double> different(rows.reward.begin(), rows.reward.end());
  // Actions without monomials: 3000 less the different ones, and one more for themselves.
  const double alone = 3001. - static_cast<double>(different.size());
  EXPECT_NEAR(alone, 3000 * .6561, 4.5 * std::sqrt(3000 * .6561 * .3439));
}

}  // namespace
}  // namespace loopline::bandit
