#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "cholesky.h"
#include "loopline/bandit/block_work.h"
#include "loopline/core/error.h"
#include "model_fits.h"
#include "model_sums.h"

namespace loopline::bandit {
namespace {

constexpr double kTolerance = 1e-8;
constexpr int kMostPasses = 50;
// A loss that is greater by this share has not grown but for rounding.
constexpr double kLossRounding = 1e-10;

double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t j = 0; j < a.size(); ++j) sum += a[j] * b[j];
  return sum;
}

/// ln(1 + e^s) without overflow.
double log_one_plus_exp(double s) { return std::max(s, 0.0) + std::log1p(std::exp(-std::abs(s))); }

/// Newton's method on many small convex problems at once, which share their passes over the log.
class Newton {
 public:
  explicit Newton(const ModelTask& task)
      : task_(task),
        problems_(task.folds() * task.design.groups()),
        point_(problems_ * task.design.width()),
        before_(point_),
        loss_(problems_, std::numeric_limits<double>::infinity()),
        is_done_(problems_) {}

  std::vector<double> solve() {
    for (int pass = 0; pass < kMostPasses; ++pass) {
      ModelSums sums = empty_sums();
      LogReader reader = task_.open();
      for_each_block(
          reader, task_.threads, [&](const LogBlock& block) { return sums_of(block); },
          [&](const ModelSums& part) {
            sums.merge(part);
            task_.tell("fitting logistic, pass " + std::to_string(pass + 1), reader);
          });
      for (std::size_t p = 0; p < problems_; ++p) step(p, sums);
      if (std::all_of(is_done_.begin(), is_done_.end(), [](char done) { return done != 0; })) {
        return point_;
      }
    }
    throw failure(
        "model",
        "the logistic model has not converged in " + std::to_string(kMostPasses) + " passes",
        "give model.l2 a larger value");
  }

 private:
  ModelSums empty_sums() const {
    return {task_.folds(), task_.design.groups(), task_.design.width()};
  }

  ModelSums sums_of(const LogBlock& block) const {
    const RewardDesign& design = task_.design;
    ModelSums sums = empty_sums();
    std::vector<double> z(design.width());
    const std::vector<std::size_t> fold = folds_of(block, static_cast<int>(task_.folds()));
    for (std::size_t i = 0; i < block.size(); ++i) {
      const auto action = static_cast<std::size_t>(block.action[i]);
      const double count = block.multiplicity.empty() ? 1 : block.multiplicity[i];
      design.fill(block, i, action, z);
      const std::size_t group = design.group_of(block, i, action);
      for (std::size_t k = 0; k < task_.folds(); ++k) {
        const std::size_t problem = sums.problem(k, group);
        if (is_left_out(k, fold[i], task_.folds()) || is_done_[problem] != 0) continue;
        add_row(problem, task_.base[k], z, block.reward[i], count, sums);
      }
    }
    return sums;
  }

  void add_row(std::size_t problem, double offset, std::span<const double> z, double reward,
               double count, ModelSums& sums) const {
    const double s = offset + dot(z, std::span(point_).subspan(problem * z.size(), z.size()));
    const double q = 1 / (1 + std::exp(-s));
    sums.loss[problem] += count * (log_one_plus_exp(s) - reward * s);
    add_square(sums.matrix_of(problem), z, count * q * (1 - q));
    const auto gradient = sums.vector_of(problem);
    for (std::size_t j = 0; j < z.size(); ++j) gradient[j] += count * (q - reward) * z[j];
  }

  /// From the sums at a point to the next point: back by half where the loss has grown, by Newton
  /// otherwise.
  void step(std::size_t problem, ModelSums& sums) {
    if (is_done_[problem] != 0) return;
    const std::size_t width = task_.design.width();
    const auto point = std::span(point_).subspan(problem * width, width);
    const auto before = std::span(before_).subspan(problem * width, width);
    const double loss = sums.loss[problem] + task_.l2 / 2 * dot(point, point);
    if (loss > loss_[problem] + kLossRounding * std::abs(loss_[problem])) {
      for (std::size_t j = 0; j < width; ++j) point[j] = (point[j] + before[j]) / 2;
      return;
    }
    loss_[problem] = loss;
    std::copy(point.begin(), point.end(), before.begin());
    const auto matrix = sums.matrix_of(problem);
    const auto move = sums.vector_of(problem);
    for (std::size_t j = 0; j < width; ++j) {
      move[j] += task_.l2 * point[j];
      matrix[j * width + j] += task_.l2;
    }
    if (!solve_positive(matrix, move)) {
      throw failure("model", "a Newton step cannot be solved in double precision",
                    "give model.l2 a larger value");
    }
    double largest = 0;
    for (std::size_t j = 0; j < width; ++j) {
      point[j] -= move[j];
      largest = std::max(largest, std::abs(move[j]));
    }
    is_done_[problem] = largest <= kTolerance ? 1 : 0;
  }

  const ModelTask& task_;
  std::size_t problems_;
  std::vector<double> point_, before_, loss_;
  std::vector<char> is_done_;
};

}  // namespace

std::vector<double> fit_logistic(const ModelTask& task) { return Newton(task).solve(); }

}  // namespace loopline::bandit
