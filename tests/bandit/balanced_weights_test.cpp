#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdio>

#include "bandit/log_fixture.h"
#include "loopline/bandit/estimate_log.h"
#include "loopline/bandit/log_columns.h"
#include "loopline/bandit/propensity_model.h"
#include "loopline/core/random.h"

namespace loopline::bandit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Json = nlohmann::ordered_json;

using Actions3 = std::array<double, 3>;
using ByContext = std::array<Actions3, 2>;  // two contexts, as likely as each other

// Two loggers that hardly ever do what the other one does, and a policy that does both.
constexpr std::array<ByContext, 2> kLoggers = {
    {{{{.9, .07, .03}, {.8, .15, .05}}}, {{{.02, .08, .9}, {.05, .05, .9}}}}};
constexpr ByContext kTarget = {{{.3, .4, .3}, {.1, .1, .8}}};
constexpr ByContext kReward = {{{.2, .5, .9}, {.6, .3, .7}}};  // its probability
constexpr std::array<int, 2> kRows = {150, 50};                // of each logger

double weight_of(std::size_t logger, std::size_t x, std::size_t a, bool is_balanced) {
  if (!is_balanced) return kTarget[x][a] / kLoggers[logger][x][a];
  return kTarget[x][a] / (.75 * kLoggers[0][x][a] + .25 * kLoggers[1][x][a]);
}

struct Exact {
  double mean = 0, variance = 0;
};

/// Of mean(w r) over kRows, by enumeration.
Exact exact(bool is_balanced) {
  Exact sum;
  for (std::size_t l = 0; l < 2; ++l) {
    double first = 0, second = 0;
    for (std::size_t x = 0; x < 2; ++x) {
      for (std::size_t a = 0; a < 3; ++a) {
        const double chance = .5 * kLoggers[l][x][a] * kReward[x][a];  // the reward is 0 otherwise
        const double w = weight_of(l, x, a, is_balanced);
        first += chance * w;
        second += chance * w * w;
      }
    }
    sum.mean += kRows[l] * first / 200;
    sum.variance += kRows[l] * (second - first * first) / 200 / 200;
  }
  return sum;
}

double true_value() {
  double value = 0;
  for (std::size_t x = 0; x < 2; ++x) {
    for (std::size_t a = 0; a < 3; ++a) value += .5 * kTarget[x][a] * kReward[x][a];
  }
  return value;
}

std::string two_logs(std::uint32_t run) {
  std::vector<double> uniform(3 * 200);
  fill_uniform({.seed = 41, .stream = Stream::kSample, .iteration = run}, uniform);
  std::string text = "action,reward,own,p_new,p_old,by,target\n";
  for (std::size_t i = 0; i < 200; ++i) {
    const double* u = &uniform[3 * i];
    const std::size_t l = i % 4 == 3 ? 1 : 0;
    const std::size_t x = u[0] < .5 ? 0 : 1;
    const Actions3& p = kLoggers[l][x];
    const std::size_t a = u[1] < p[0] ? 0 : u[1] < p[0] + p[1] ? 1 : 2;
    char line[120];
    std::snprintf(line, sizeof line, "%zu,%d,%g,%g,%g,%s,%g\n", a, u[2] < kReward[x][a] ? 1 : 0,
                  p[a], kLoggers[1][x][a], kLoggers[0][x][a], l == 0 ? "old" : "new",
                  kTarget[x][a]);
    text += line;
  }
  return text;
}

class BalancedWeights : public LogFiles {
 protected:
  LogConfig log_of(const std::string& text, bool is_balanced = true) const {
    LogConfig config = csv(file("log.csv", text));
    config.logger = "by";
    config.target = "target";
    config.propensity = "own";
    if (is_balanced) {
      config.propensity.reset();
      config.logger_propensity = "p_*";
    }
    return config;
  }

  static Json estimate(const LogConfig& log) {
    EstimateConfig config;
    config.log = log;
    config.policy.kind = "column";
    config.estimators = {"ips"};
    config.threads = 1;
    const auto progress = run::silent_progress();
    return estimate_log(config, *progress);
  }
};

TEST_F(BalancedWeights, AreUnbiasedAndVaryLessThanThoseOfEachLogger) {
  const std::array<Exact, 2> expected = {exact(false), exact(true)};
  EXPECT_NEAR(expected[0].mean, true_value(), 1e-15);
  EXPECT_NEAR(expected[1].mean, true_value(), 1e-15);
  EXPECT_LT(expected[1].variance, .2 * expected[0].variance);
  constexpr int kLogs = 500;
  for (const bool is_balanced : {false, true}) {
    double sum = 0, square = 0;
    for (int run = 0; run < kLogs; ++run) {
      const std::string text = two_logs(static_cast<std::uint32_t>(run));
      const double off =
          estimate(log_of(text, is_balanced))["estimates"][0]["value"].get<double>() - true_value();
      sum += off;
      square += off * off;
    }
    const Exact& e = expected[is_balanced ? 1 : 0];
    const double mean = sum / kLogs;
    const double variance = (square - sum * mean) / (kLogs - 1);
    EXPECT_LT(std::abs(mean), 4 * std::sqrt(e.variance / kLogs)) << is_balanced;
    EXPECT_NEAR(variance / e.variance, 1, .3) << is_balanced;
    std::printf("[ balanced ] %s weights: variance %.5f, by enumeration %.5f; bias %.5f +- %.5f\n",
                is_balanced ? "balanced" : "naive", variance, e.variance, mean,
                std::sqrt(e.variance / kLogs));
  }
}

TEST_F(BalancedWeights, AreThePolicyOverTheMixture) {
  const std::string text = two_logs(0);
  LogReader whole(log_of(text));
  EXPECT_THAT(whole.loggers(), ElementsAre("new", "old"));
  const std::vector<double> shares = logger_shares(whole);
  EXPECT_THAT(shares, ElementsAre(.25, .75));
  const LogBlock own = read_all(log_of(text));
  const LogBlock block = read_all(log_of(text), {}, {.logger_shares = shares, .limits = {}});
  EXPECT_EQ(block.own_propensity, own.propensity);
  EXPECT_THAT(own.own_propensity, IsEmpty());
  for (std::size_t i = 0; i < block.size(); ++i) {
    const double p_new = block.logger_propensity[2 * i];
    const double p_old = block.logger_propensity[2 * i + 1];
    EXPECT_EQ(own.propensity[i], block.logger[i] == 0 ? p_new : p_old);
    EXPECT_NEAR(block.propensity[i], .25 * p_new + .75 * p_old, 1e-15);
  }
  LogReader naive(log_of(text, false));
  EXPECT_THAT(logger_shares(naive), IsEmpty());
}

TEST_F(BalancedWeights, TheTableByLoggerIsOverItsOwnPolicy) {
  const std::string text = two_logs(1);
  const Json naive = estimate(log_of(text, false));
  const Json balanced = estimate(log_of(text));
  EXPECT_FALSE(naive["log"].contains("balanced"));
  EXPECT_EQ(balanced["log"]["balanced"], true);
  EXPECT_GT(balanced["diagnostics"]["effective_rows"],
            2 * naive["diagnostics"]["effective_rows"].get<double>());
  EXPECT_EQ(balanced["loggers"].size(), 2U);
  for (const Json& row : balanced["loggers"]) {
    const Json& same = naive["loggers"][row["logger"] == "old" ? 0 : 1];
    EXPECT_EQ(row, same);
  }
}

TEST_F(BalancedWeights, SharesCountMultiplicities) {
  LogConfig config =
      log_of("action,reward,own,p_a,p_b,by,target,n\n0,1,.5,.5,.25,a,.5,3\n1,0,.5,.25,.5,b,.5,1\n");
  config.multiplicity = "n";
  LogReader reader(config);
  EXPECT_THAT(logger_shares(reader), ElementsAre(.75, .25));
}

TEST_F(BalancedWeights, DecidedLoggersAreRandomTogether) {
  const LogConfig config = log_of(
      "action,reward,own,p_a,p_b,by,target\n0,1,1,1,0,a,.5\n1,0,1,0,1,b,.5\n0,1,1,1,0,a,.5\n");
  const Json result = estimate(config);
  EXPECT_NEAR(result["diagnostics"]["mean_weight"], (2 * .5 / (2. / 3) + .5 * 3) / 3, 1e-15);
  LogConfig naive = config;
  naive.logger_propensity.reset();
  naive.propensity = "own";
  EXPECT_THAT(log_error([&] { estimate(naive); }), HasSubstr("all propensities are exactly 1"));
}

TEST_F(BalancedWeights, ComeBackFromColumns) {
  const LogConfig config = log_of(two_logs(2));
  LogReader reader(config);
  write_columns(path_of("log.safetensors"), reader, "f");
  expect_same(read_all(config), read_all(other(path_of("log.safetensors"))));
  EXPECT_EQ(estimate(other(path_of("log.safetensors")))["estimates"],
            estimate(config)["estimates"]);
}

TEST_F(BalancedWeights, BadPropensitiesOfLoggersAreNamed) {
  const std::string head = "action,reward,own,p_a,p_b,by,target\n0,1,.5,.5,.25,a,.5\n";
  const auto error = [&](const std::string& text, const auto& change) {
    LogConfig config = log_of(text);
    change(config);
    return log_error([&] { estimate(config); });
  };
  const auto as_it_is = [](LogConfig&) {};
  EXPECT_EQ(error(head, as_it_is), "no error");
  EXPECT_THAT(error(head + "0,1,.5,.5,1.5,a,.5\n", as_it_is),
              HasSubstr("log.csv:3: column \"p_b\": a probability of 1.5 is not in [0, 1]"));
  EXPECT_THAT(error(head + "0,1,.5,0,.5,a,.5\n", as_it_is),
              HasSubstr("log.csv:3: column \"p_a\": a propensity of 0.0 is not in (0, 1]"));
  EXPECT_THAT(error(head + "0,1,.5,.5,.5,c,.5\n", as_it_is),
              HasSubstr("log.csv:3: column \"by\": the logger \"c\" has no propensities"));
  EXPECT_THAT(error(head, [](LogConfig& c) { c.logger_propensity = "q_*"; }),
              HasSubstr("log.csv:1: no column is called like \"q_*\""));
  EXPECT_THAT(error(head, [](LogConfig& c) { c.logger_propensity = "p_a"; }),
              HasSubstr("no place for the logger's name"));
  EXPECT_THAT(error(head, [](LogConfig& c) { c.propensity = "own"; }),
              HasSubstr("leave out log.propensity"));
  EXPECT_THAT(error(head, [](LogConfig& c) { c.logger.reset(); }), HasSubstr("set log.logger"));
  const std::string more = file("more.csv", "action,reward,own,p_a,by,target\n0,1,.5,.5,a,.5\n");
  EXPECT_THAT(error(head, [&](LogConfig& c) { c.files.push_back(more); }),
              HasSubstr("more.csv:1: has propensities of other loggers than the first file"));
  const std::string bytes = file("bytes.csv", "action,reward,p_\xff,by,target\n0,1,.5,a,.5\n");
  EXPECT_THAT(error(head, [&](LogConfig& c) { c.files = {bytes}; }),
              HasSubstr("bytes.csv:1: the name of a logger is not valid UTF-8"));
}

TEST_F(BalancedWeights, OneModelOfAllRowsEstimatesTheMixture) {
  // Without propensities, frequencies by context are those of the mixture of both loggers.
  std::string text = "action,reward,x\n";
  std::vector<double> u(3 * 20'000);
  fill_uniform({.seed = 42, .stream = Stream::kSample}, u);
  for (std::size_t i = 0; i < u.size(); i += 3) {
    const std::size_t x = u[i] < .5 ? 0 : 1;
    const Actions3& p = kLoggers[u[i + 1] < .75 ? 0 : 1][x];
    const int a = u[i + 2] < p[0] ? 0 : u[i + 2] < p[0] + p[1] ? 1 : 2;
    text += std::to_string(a) + ",0," + std::to_string(x) + "\n";
  }
  LogConfig config = csv(file("log.csv", text));
  config.propensity.reset();
  config.context = {"x"};
  const ReadOptions options{.needs_propensity = false, .limits = {}};
  const LogEncoding encoding = learn_encoding(config, options);
  const OpenLog open = [&] { return LogReader(config, encoding, options); };
  LogReader first = open();
  const PropensityFit fit = fit_propensity_model({}, open, survey_log(first, 1, 1));
  const LogBlock block = read_all(config, encoding, options);
  std::vector<double> p;
  for (std::size_t i = 0; i < 50; ++i) {
    fit.model.predict(block, i, 0, p);
    const auto x = static_cast<std::size_t>(block.context[i]);
    for (std::size_t a = 0; a < 3; ++a) {
      // From some 8,000 rows of this context.
      EXPECT_NEAR(p[a], .75 * kLoggers[0][x][a] + .25 * kLoggers[1][x][a], 4 * .5 / std::sqrt(8e3));
    }
  }
}

}  // namespace
}  // namespace loopline::bandit
