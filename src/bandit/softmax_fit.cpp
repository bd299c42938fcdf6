#include "loopline/bandit/softmax_fit.h"

#include <algorithm>
#include <cmath>
#include <deque>

#include "loopline/core/error.h"
#include "loopline/core/interrupt.h"

namespace loopline::bandit {
namespace {

constexpr int kMostSteps = 200;
constexpr double kSlopeTolerance = 1e-5;
constexpr std::size_t kMemory = 10;
constexpr int kMostHalvings = 40;

using Vector = std::vector<double>;

double inner(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// Loss over the sum of weights, and its gradient. Points are [features + 1, actions], the bias
/// last: loops over actions are the inner ones.
class SoftmaxLoss {
 public:
  SoftmaxLoss(const WeightedLabels& rows, std::size_t actions, double l2)
      : rows_(rows), actions_(actions) {
    for (const double c : rows.weight) total_ += c;
    if (total_ == 0) total_ = 1;
    l2_ = l2 / total_;
  }

  std::size_t size() const { return (rows_.features + 1) * actions_; }

  double operator()(const Vector& point, Vector& gradient) const {
    gradient.assign(size(), 0.0);
    double loss = 0;
    Vector score(actions_);
    const double* bias = point.data() + rows_.features * actions_;
    for (std::size_t i = 0; i < rows_.label.size(); ++i) {
      const double c = rows_.weight[i] / total_;
      if (c == 0) continue;
      const double* x = rows_.context.data() + i * rows_.features;
      std::copy(bias, bias + actions_, score.begin());
      for (std::size_t j = 0; j < rows_.features; ++j) {
        const double* w = point.data() + j * actions_;
        for (std::size_t a = 0; a < actions_; ++a) score[a] += x[j] * w[a];
      }
      const double most = *std::max_element(score.begin(), score.end());
      const auto label = static_cast<std::size_t>(rows_.label[i]);
      loss -= c * (score[label] - most);
      double sum = 0;
      for (double& s : score) sum += s = std::exp(s - most);
      loss += c * std::log(sum);
      for (double& s : score) s *= c / sum;
      score[label] -= c;
      for (std::size_t j = 0; j <= rows_.features; ++j) {
        const double factor = j < rows_.features ? x[j] : 1;
        double* g = gradient.data() + j * actions_;
        for (std::size_t a = 0; a < actions_; ++a) g[a] += factor * score[a];
      }
    }
    for (std::size_t i = 0; i < point.size(); ++i) gradient[i] += l2_ * point[i];
    return loss + l2_ / 2 * inner(point, point);
  }

 private:
  const WeightedLabels& rows_;
  std::size_t actions_;
  double total_ = 0, l2_ = 0;
};

/// The last moves of a minimisation, and what the gradient did along them.
class LbfgsMemory {
 public:
  void add(Vector move, Vector change) {
    const double curvature = inner(move, change);
    if (!(curvature > 0)) return;
    if (pairs_.size() == kMemory) pairs_.pop_front();
    pairs_.push_back({std::move(move), std::move(change), 1 / curvature});
  }
  /// Minus the gradient times an approximate inverse Hessian.
  Vector direction(const Vector& gradient) const {
    Vector d = gradient;
    Vector alpha(pairs_.size());
    for (std::size_t k = pairs_.size(); k-- > 0;) {
      alpha[k] = pairs_[k].inverse * inner(pairs_[k].move, d);
      for (std::size_t i = 0; i < d.size(); ++i) d[i] -= alpha[k] * pairs_[k].change[i];
    }
    double scale = 1;
    if (!pairs_.empty()) {
      const Pair& last = pairs_.back();
      scale = 1 / (last.inverse * inner(last.change, last.change));
    }
    for (double& value : d) value *= -scale;
    for (std::size_t k = 0; k < pairs_.size(); ++k) {
      const double beta = pairs_[k].inverse * inner(pairs_[k].change, d);
      for (std::size_t i = 0; i < d.size(); ++i) d[i] -= (alpha[k] + beta) * pairs_[k].move[i];
    }
    return d;
  }

 private:
  struct Pair {
    Vector move, change;
    double inverse;
  };
  std::deque<Pair> pairs_;
};

double largest_entry(const Vector& gradient) {
  double most = 0;
  for (const double g : gradient) most = std::max(most, std::abs(g));
  return most;
}

}  // namespace

SoftmaxFit fit_softmax(const WeightedLabels& rows, std::size_t actions, double l2) {
  LOOPLINE_CHECK(l2 > 0, "the penalty makes the solution a single one");
  const SoftmaxLoss loss(rows, actions, l2);
  Vector point(loss.size()), gradient, next, next_gradient;
  double value = loss(point, gradient);
  LbfgsMemory memory;
  SoftmaxFit fit;
  for (; fit.steps < kMostSteps && largest_entry(gradient) > kSlopeTolerance; ++fit.steps) {
    if (interrupted()) throw stopped("learning the policy");
    const Vector direction = memory.direction(gradient);
    const double descent = inner(direction, gradient);
    double length = 1;
    double next_value = value;
    bool is_lower = false;
    for (int halving = 0; halving < kMostHalvings && !is_lower; ++halving) {
      next = point;
      for (std::size_t i = 0; i < next.size(); ++i) next[i] += length * direction[i];
      next_value = loss(next, next_gradient);
      is_lower = next_value <= value + 1e-4 * length * descent;  // Armijo
      length /= 2;
    }
    if (!is_lower) break;  // as low as fp64 gets
    Vector move(next.size()), change(next.size());
    for (std::size_t i = 0; i < next.size(); ++i) {
      move[i] = next[i] - point[i];
      change[i] = next_gradient[i] - gradient[i];
    }
    memory.add(std::move(move), std::move(change));
    point.swap(next);
    gradient.swap(next_gradient);
    value = next_value;
  }
  fit.slope = largest_entry(gradient);
  fit.weight.resize(actions * rows.features);
  for (std::size_t a = 0; a < actions; ++a) {
    for (std::size_t j = 0; j < rows.features; ++j) {
      fit.weight[a * rows.features + j] = point[j * actions + a];
    }
  }
  fit.bias.assign(point.end() - static_cast<std::ptrdiff_t>(actions), point.end());
  return fit;
}

}  // namespace loopline::bandit
