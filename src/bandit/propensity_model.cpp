#include "loopline/bandit/propensity_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <utility>

#include "lbfgs.h"
#include "loopline/bandit/block_work.h"
#include "loopline/core/error.h"

namespace loopline::bandit {
namespace {

using config::option;

constexpr int kMostPropensitySteps = 200;
// L-BFGS keeps some 25 vectors of this length: 400 MB.
constexpr double kMostCoefficients = 1 << 21;

/// The offset and features . coefficients of every action. A row's features are the same for all.
void propensity_scores(const RewardDesign& design, const LogBlock& block, std::size_t row,
                       std::span<const double> features, std::span<const double> offset,
                       std::span<const double> coefficients, std::vector<double>& scores) {
  const std::size_t width = features.size();
  scores.resize(offset.size());
  for (std::size_t a = 0; a < scores.size(); ++a) {
    const double* u = coefficients.data() + design.group_of(block, row, a) * width;
    double score = offset[a];
    for (std::size_t j = 0; j < width; ++j) score += features[j] * u[j];
    scores[a] = score;
  }
}

/// Scores become probabilities; returns the logarithm of what they were divided by.
double to_softmax(std::vector<double>& scores) {
  const double most = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (double& s : scores) sum += s = std::exp(s - most);
  for (double& s : scores) s /= sum;
  return most + std::log(sum);
}

/// Rows of each action, folds x actions.
std::vector<double> count_actions(const OpenLog& open, std::size_t folds, std::size_t actions,
                                  std::int64_t threads, const PassListener& listener) {
  std::vector<double> total(folds * actions);
  LogReader reader = open();
  for_each_block(
      reader, threads,
      [&](const LogBlock& block) {
        std::vector<double> count(folds * actions);
        const std::vector<std::size_t> fold = folds_of(block, static_cast<int>(folds));
        for (std::size_t i = 0; i < block.size(); ++i) {
          count[fold[i] * actions + static_cast<std::size_t>(block.action[i])] +=
              block.multiplicity.empty() ? 1 : block.multiplicity[i];
        }
        return count;
      },
      [&](const std::vector<double>& count) {
        for (std::size_t i = 0; i < total.size(); ++i) total[i] += count[i];
        if (listener) listener("counting actions", reader.rows());
      });
  return total;
}

/// What the models of the folds are fitted to.
struct FoldCounts {
  std::vector<double> rows;    ///< of each fold's model, with multiplicities
  std::vector<double> offset;  ///< ln((n_a + 1/2) / (n + A/2)), folds x actions
};

FoldCounts outside_folds(const std::vector<double>& count, std::size_t folds) {
  const std::size_t actions = count.size() / folds;
  FoldCounts outside{std::vector<double>(folds), std::vector<double>(count.size())};
  for (std::size_t k = 0; k < folds; ++k) {
    const auto own = std::span(outside.offset).subspan(k * actions, actions);
    for (std::size_t i = 0; i < count.size(); ++i) {
      if (i / actions == k) continue;
      own[i % actions] += count[i];
      outside.rows[k] += count[i];
    }
    if (outside.rows[k] == 0) {
      throw Error("model.folds", "the log has too few rows (or clusters) to leave a fold out",
                  "lower it, or log more");
    }
    for (double& n : own) {
      n = std::log((n + 0.5) / (outside.rows[k] + 0.5 * static_cast<double>(actions)));
    }
  }
  return outside;
}

/// Losses and gradients of all folds at once.
struct PropensitySums {
  std::vector<double> loss;                   ///< of each fold
  std::vector<std::vector<double>> gradient;  ///< of each fold; empty: it is done

  void merge(const PropensitySums& other) {
    for (std::size_t k = 0; k < loss.size(); ++k) {
      loss[k] += other.loss[k];
      for (std::size_t j = 0; j < gradient[k].size(); ++j) gradient[k][j] += other.gradient[k][j];
    }
  }
};

class PropensitySearch {
 public:
  PropensitySearch(const RewardDesign& design, const FoldCounts& counts, double l2)
      : design_(design), counts_(counts), l2_(l2) {
    const std::size_t size = design.groups() * design.width();
    searches_.assign(folds(), Lbfgs(size, kPropensitySlope, kMostPropensitySteps));
  }

  /// The number of passes.
  int run(const OpenLog& open, std::int64_t threads, const PassListener& listener) {
    int passes = 0;
    const auto is_done = [](const Lbfgs& search) { return search.done(); };
    while (!std::all_of(searches_.begin(), searches_.end(), is_done)) {
      const std::string pass = "fitting propensities, pass " + std::to_string(++passes);
      PropensitySums sums = empty_sums();
      LogReader reader = open();
      for_each_block(
          reader, threads, [&](const LogBlock& block) { return sums_of(block); },
          [&](const PropensitySums& part) {
            sums.merge(part);
            if (listener) listener(pass, reader.rows());
          });
      for (std::size_t k = 0; k < folds(); ++k) tell(k, sums);
    }
    return passes;
  }

  std::vector<double> coefficients() const {
    std::vector<double> all;
    for (const Lbfgs& search : searches_) {
      all.insert(all.end(), search.point().begin(), search.point().end());
    }
    return all;
  }
  double slope() const {
    double most = 0;
    for (const Lbfgs& search : searches_) most = std::max(most, search.slope());
    return most;
  }

 private:
  std::size_t folds() const { return counts_.rows.size(); }
  std::span<const double> offset_of(std::size_t fold) const {
    const std::size_t actions = counts_.offset.size() / folds();
    return std::span(counts_.offset).subspan(fold * actions, actions);
  }

  PropensitySums empty_sums() const {
    PropensitySums sums{std::vector<double>(folds()), std::vector<std::vector<double>>(folds())};
    for (std::size_t k = 0; k < folds(); ++k) {
      if (!searches_[k].done()) sums.gradient[k].resize(searches_[k].point().size());
    }
    return sums;
  }

  PropensitySums sums_of(const LogBlock& block) const {
    PropensitySums sums = empty_sums();
    std::vector<double> z(design_.width()), p;
    const std::vector<std::size_t> fold = folds_of(block, static_cast<int>(folds()));
    for (std::size_t i = 0; i < block.size(); ++i) {
      const auto action = static_cast<std::size_t>(block.action[i]);
      const double count = block.multiplicity.empty() ? 1 : block.multiplicity[i];
      design_.fill(block, i, action, z);
      for (std::size_t k = 0; k < folds(); ++k) {
        std::vector<double>& gradient = sums.gradient[k];
        if (k == fold[i] || gradient.empty()) continue;
        propensity_scores(design_, block, i, z, offset_of(k), searches_[k].point(), p);
        const double own = p[action];
        sums.loss[k] += count * (to_softmax(p) - own);
        p[action] -= 1;
        for (std::size_t a = 0; a < p.size(); ++a) {
          double* g = gradient.data() + design_.group_of(block, i, a) * z.size();
          const double factor = count * p[a];
          for (std::size_t j = 0; j < z.size(); ++j) g[j] += factor * z[j];
        }
      }
    }
    return sums;
  }

  /// Sums become a mean with its penalty, whose curvature does not depend on the number of rows.
  void tell(std::size_t fold, PropensitySums& sums) {
    Lbfgs& search = searches_[fold];
    if (search.done()) return;
    double loss = sums.loss[fold];
    std::vector<double>& gradient = sums.gradient[fold];
    for (std::size_t j = 0; j < gradient.size(); ++j) {
      const double u = search.point()[j];
      loss += l2_ / 2 * u * u;
      gradient[j] = (gradient[j] + l2_ * u) / counts_.rows[fold];
    }
    search.tell(loss / counts_.rows[fold], std::move(gradient));
  }

  const RewardDesign& design_;
  const FoldCounts& counts_;
  double l2_;
  std::vector<Lbfgs> searches_;
};

void check_propensity_size(const RewardDesign& design, std::size_t folds) {
  const double numbers = static_cast<double>(folds) * static_cast<double>(design.groups()) *
                         static_cast<double>(design.width());
  if (numbers <= kMostCoefficients) return;
  throw Error("model",
              std::to_string(design.groups()) + " groups of " + std::to_string(design.width()) +
                  " features in " + std::to_string(folds) + " folds do not fit into memory",
              "leave columns out of log.context, or lower model.folds");
}

}  // namespace

void PropensityModelConfig::describe(config::OptionVisitor& v) {
  v.field(option("folds", "Each row's propensity comes from a model fitted without its fold.")
              .range(2, 100),
          folds);
  v.field(option("l2",
                 "Penalty on coefficients: the larger, the nearer to the actions' "
                 "frequencies.")
              .above(0),
          l2);
}

PropensityModel::PropensityModel(RewardDesign design, std::vector<double> offset,
                                 std::vector<double> coefficients, std::size_t folds)
    : design_(std::move(design)),
      offset_(std::move(offset)),
      coefficients_(std::move(coefficients)),
      folds_(folds) {
  LOOPLINE_CHECK(coefficients_.size() == folds_ * design_.groups() * design_.width(),
                 "a model has coefficients for each fold and group");
}

void PropensityModel::predict(const LogBlock& block, std::size_t row, std::size_t fold,
                              std::vector<double>& probability) const {
  const std::size_t size = design_.groups() * design_.width();
  std::vector<double> z(design_.width());
  design_.fill(block, row, 0, z);
  propensity_scores(design_, block, row, z, std::span(offset_).subspan(fold * actions(), actions()),
                    std::span(coefficients_).subspan(fold * size, size), probability);
  to_softmax(probability);
  // Where e^s is 0 in fp64 it is not in truth.
  for (double& p : probability) p = std::max(p, std::numeric_limits<double>::min());
}

PropensityFit fit_propensity_model(const PropensityModelConfig& config, const OpenLog& open,
                                   const LogSurvey& survey, std::int64_t threads,
                                   const PassListener& listener) {
  LOOPLINE_CHECK(!survey.has_sets, "propensities are fitted to a fixed set of actions");
  const auto folds = static_cast<std::size_t>(config.folds);
  const RewardDesign design(survey, open().encoding(), false);
  check_propensity_size(design, folds);
  const FoldCounts counts = outside_folds(
      count_actions(open, folds, static_cast<std::size_t>(survey.actions), threads, listener),
      folds);
  PropensitySearch search(design, counts, config.l2);
  const int passes = search.run(open, threads, listener);
  return {PropensityModel(design, counts.offset, search.coefficients(), folds), passes,
          search.slope()};
}

}  // namespace loopline::bandit
