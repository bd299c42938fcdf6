#include "lbfgs.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "loopline/core/error.h"

namespace loopline::bandit {
namespace {

constexpr std::size_t kPairs = 10;
constexpr int kMostHalvings = 40;

double dot_of(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

std::vector<double> minus(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> d(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) d[i] = a[i] - b[i];
  return d;
}

}  // namespace

Lbfgs::Lbfgs(std::size_t size, double tolerance, int most_steps)
    : tolerance_(tolerance), most_steps_(most_steps), point_(size), asked_(size) {}

double Lbfgs::slope() const {
  double most = 0;
  for (const double g : gradient_) most = std::max(most, std::abs(g));
  return most;
}

void Lbfgs::tell(double value, std::vector<double> gradient) {
  LOOPLINE_CHECK(!is_done_ && gradient.size() == point_.size(), "what was asked for is told");
  if (has_value_) {
    if (!(value <= value_ + 1e-4 * length_ * descent_)) {  // Armijo
      if (++halvings_ < kMostHalvings) return ask(length_ / 2);
      asked_ = point_;
      is_done_ = true;
      return;
    }
    std::vector<double> move = minus(asked_, point_);
    std::vector<double> change = minus(gradient, gradient_);
    const double curvature = dot_of(move, change);
    if (curvature > 0) {
      if (pairs_.size() == kPairs) pairs_.pop_front();
      pairs_.push_back({std::move(move), std::move(change), 1 / curvature});
    }
    ++steps_;
  }
  has_value_ = true;
  value_ = value;
  point_ = asked_;
  gradient_ = std::move(gradient);
  turn();
}

/// A point is reached: in which direction it goes on, if it does.
void Lbfgs::turn() {
  is_done_ = steps_ >= most_steps_ || slope() <= tolerance_;
  if (is_done_) return;
  direction_ = descent_direction();
  descent_ = dot_of(direction_, gradient_);
  halvings_ = 0;
  ask(1);
}

void Lbfgs::ask(double length) {
  length_ = length;
  for (std::size_t i = 0; i < point_.size(); ++i) asked_[i] = point_[i] + length * direction_[i];
}

/// Minus the gradient times an approximate inverse Hessian.
std::vector<double> Lbfgs::descent_direction() const {
  std::vector<double> d = gradient_;
  std::vector<double> alpha(pairs_.size());
  for (std::size_t k = pairs_.size(); k-- > 0;) {
    alpha[k] = pairs_[k].inverse * dot_of(pairs_[k].move, d);
    for (std::size_t i = 0; i < d.size(); ++i) d[i] -= alpha[k] * pairs_[k].change[i];
  }
  double scale = 1;
  if (!pairs_.empty()) {
    const Pair& last = pairs_.back();
    scale = 1 / (last.inverse * dot_of(last.change, last.change));
  }
  for (double& value : d) value *= -scale;
  for (std::size_t k = 0; k < pairs_.size(); ++k) {
    const double beta = pairs_[k].inverse * dot_of(pairs_[k].change, d);
    for (std::size_t i = 0; i < d.size(); ++i) d[i] -= (alpha[k] + beta) * pairs_[k].move[i];
  }
  return d;
}

}  // namespace loopline::bandit
