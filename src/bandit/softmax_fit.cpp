#include "loopline/bandit/softmax_fit.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "lbfgs.h"
#include "loopline/core/error.h"
#include "loopline/core/interrupt.h"

namespace loopline::bandit {
namespace {

constexpr int kMostSteps = 200;
constexpr double kSlopeTolerance = 1e-5;

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

}  // namespace

SoftmaxFit fit_softmax(const WeightedLabels& rows, std::size_t actions, double l2) {
  LOOPLINE_CHECK(l2 > 0, "the penalty makes the solution a single one");
  const SoftmaxLoss loss(rows, actions, l2);
  Lbfgs search(loss.size(), kSlopeTolerance, kMostSteps);
  while (!search.done()) {
    if (interrupted()) throw stopped("learning the policy");
    Vector gradient;
    const double value = loss(search.point(), gradient);
    search.tell(value, std::move(gradient));
  }
  const Vector& point = search.point();
  SoftmaxFit fit;
  fit.steps = search.steps();
  fit.slope = search.slope();
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
