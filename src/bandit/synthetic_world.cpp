#include "loopline/bandit/synthetic_world.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "loopline/bandit/world_log.h"
#include "loopline/core/error.h"
#include "world_draws.h"

namespace loopline::bandit {
namespace {

constexpr std::size_t kMomentRows = 1024;

/// All exponents of `dimensions` variables with a sum of at most `degree`.
std::vector<std::vector<int>> all_monomials(std::int64_t dimensions, std::int64_t degree) {
  std::vector<std::vector<int>> all;
  std::vector<int> exponent(static_cast<std::size_t>(dimensions));
  const auto extend = [&](const auto& self, std::size_t variable, int left) -> void {
    if (variable == exponent.size()) {
      all.push_back(exponent);
      return;
    }
    for (int power = 0; power <= left; ++power) {
      exponent[variable] = power;
      self(self, variable + 1, left - power);
    }
    exponent[variable] = 0;
  };
  extend(extend, 0, static_cast<int>(degree));
  return all;
}

}  // namespace

SyntheticWorld::SyntheticWorld(const SyntheticConfig& config, double temperature, WorldKey key,
                               std::int64_t rows)
    : config_(config), temperature_(temperature), key_(key) {
  LOOPLINE_CHECK(rows >= 1 && config.actions >= 1 && config.dimensions >= 1,
                 "a world has rows, actions and a context");
  std::vector<FeatureColumn> columns;
  for (std::int64_t j = 0; j < config.dimensions; ++j) {
    columns.push_back({"x" + std::to_string(j), false, {}});
  }
  encoding_.context = FeatureEncoding(std::move(columns));
  choose_monomials();
  draw_groups();
  find_moments(rows);
}

SyntheticWorld SyntheticWorld::elsewhere(WorldPart part) const {
  SyntheticWorld other = *this;
  other.key_.part = part;
  return other;
}

void SyntheticWorld::choose_monomials() {
  const auto all = all_monomials(config_.dimensions, config_.degree);
  const auto count = static_cast<std::int64_t>(all.size());
  const auto kept = static_cast<std::int64_t>(static_cast<double>(count) * config_.kept);
  const auto order = random_permutation(world_draw(key_.seed, WorldDraw::kColumns), count);
  for (std::int64_t i = 0; i < std::max<std::int64_t>(1, kept); ++i) {
    monomials_.push_back(all[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])]);
  }
}

void SyntheticWorld::draw_groups() {
  const std::size_t width = monomials_.size();
  // Coefficients of one monomial of the action, or of the context: a number for itself, and one for
  // each f. The last number says whether it is kept.
  const auto drawn = [&](std::uint32_t slot, std::uint32_t power) {
    Draw draw = world_draw(key_.seed, WorldDraw::kCoefficients);
    draw.slot = slot;
    draw.k = power;
    std::vector<double> uniform(width + 2);
    fill_uniform(draw, uniform);
    return uniform;
  };
  const auto add_to = [&](Group& group, const std::vector<double>& uniform) {
    for (std::size_t j = 0; j < width; ++j) group.slope[j] += 2 * uniform[j + 1] - 1;
    group.offset += 2 * uniform[0] - 1;
  };
  Group common{std::vector<double>(width), 0, 0};
  add_to(common, drawn(0, 0));
  common.offset = 0;
  const std::vector<double> constant = drawn(1, 0);
  if (constant.back() < config_.kept) add_to(common, constant);
  groups_ = {common};
  for (std::int64_t a = 0; a < config_.actions; ++a) {
    Group own = common;
    bool is_own = false;
    for (std::int64_t power = 1; power <= config_.degree; ++power) {
      const std::vector<double> uniform =
          drawn(static_cast<std::uint32_t>(a + 2), static_cast<std::uint32_t>(power));
      if (uniform.back() >= config_.kept) continue;
      add_to(own, uniform);
      is_own = true;
    }
    group_of_action_.push_back(is_own ? groups_.size() : 0);
    if (is_own) groups_.push_back(std::move(own));
    groups_[group_of_action_.back()].actions += 1;
  }
}

void SyntheticWorld::contexts(std::int64_t first, std::size_t count,
                              std::vector<double>& context) const {
  const auto width = static_cast<std::size_t>(config_.dimensions);
  context.resize(count * width);
  std::vector<float> normal(width);
  for (std::size_t i = 0; i < count; ++i) {
    const auto row = first + static_cast<std::int64_t>(i);
    fill_normal(row_draw(key_, WorldDraw::kContext, row), normal);
    std::copy(normal.begin(), normal.end(),
              context.begin() + static_cast<std::ptrdiff_t>(i * width));
  }
}

void SyntheticWorld::scores(const std::vector<double>& context, std::size_t count,
                            std::vector<double>& score) const {
  const auto width = static_cast<std::size_t>(config_.dimensions);
  const auto powers = static_cast<std::size_t>(config_.degree) + 1;
  std::vector<double> power(width * powers, 1.0);
  std::vector<double> f(monomials_.size());
  score.resize(count * groups_.size());
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < width; ++j) {
      for (std::size_t k = 1; k < powers; ++k) {
        power[j * powers + k] = power[j * powers + k - 1] * context[i * width + j];
      }
    }
    for (std::size_t m = 0; m < f.size(); ++m) {
      f[m] = 1;
      for (std::size_t j = 0; j < width; ++j) {
        f[m] *= power[j * powers + static_cast<std::size_t>(monomials_[m][j])];
      }
    }
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      double sum = groups_[g].offset;
      for (std::size_t m = 0; m < f.size(); ++m) sum += groups_[g].slope[m] * f[m];
      score[i * groups_.size() + g] = sum;
    }
  }
}

void SyntheticWorld::find_moments(std::int64_t rows) {
  double count = 0, square = 0;
  std::vector<double> context, score;
  for (std::int64_t first = 0; first < rows; first += kMomentRows) {
    const auto size = static_cast<std::size_t>(std::min<std::int64_t>(rows - first, kMomentRows));
    contexts(first, size, context);
    scores(context, size, score);
    const auto of_table = [&](auto term) {
      double sum = 0;
      for (std::size_t i = 0; i < score.size(); ++i) {
        sum += groups_[i % groups_.size()].actions * term(score[i]);
      }
      return sum;
    };
    const double own_count = static_cast<double>(size * actions());
    const double own_mean = of_table([](double l) { return l; }) / own_count;
    const double gap = own_mean - mean_;
    square += of_table([&](double l) { return (l - own_mean) * (l - own_mean); }) +
              gap * gap * (count * (own_count / (count + own_count)));
    count += own_count;
    mean_ += gap * (own_count / count);
  }
  deviation_ = std::sqrt(square / count);
  if (!(deviation_ > 0)) deviation_ = 1;  // one row and one reward function
}

void SyntheticWorld::fill(std::int64_t first, std::size_t count, WorldRows& rows) const {
  rows.first_row = first;
  rows.rows = count;
  rows.features = static_cast<std::size_t>(config_.dimensions);
  rows.actions = actions();
  contexts(first, count, rows.context);
  std::vector<double> score;
  scores(rows.context, count, score);
  rows.reward.resize(count * actions());
  rows.logging.resize(count * actions());
  const auto degree = static_cast<double>(config_.degree);
  const double least = temperature_ < 0 ? 0 : 1;  // of temperature (q - least), which is <= 0
  std::vector<double> q(groups_.size()), chance(groups_.size());
  for (std::size_t i = 0; i < count; ++i) {
    double total = 0;
    for (std::size_t g = 0; g < q.size(); ++g) {
      const double l = score[i * q.size() + g];
      const double z =
          config_.reference_z_score ? l - mean_ / deviation_ : (l - mean_) / deviation_;
      q[g] = 1 / (1 + std::exp(-degree * z));
      chance[g] = std::exp(temperature_ * (q[g] - least));
      total += groups_[g].actions * chance[g];
    }
    for (std::size_t a = 0; a < actions(); ++a) {
      rows.reward[i * actions() + a] = q[group_of_action_[a]];
      rows.logging[i * actions() + a] = chance[group_of_action_[a]] / total;
    }
  }
}

void SyntheticWorld::visit_truth(std::int64_t fresh,
                                 const std::function<void(const WorldRows& rows)>& use) const {
  visit_rows(elsewhere(WorldPart::kFresh), fresh, use);
}

}  // namespace loopline::bandit
