#pragma once

#include <cstddef>
#include <deque>
#include <vector>

namespace loopline::bandit {

/// L-BFGS (Liu & Nocedal 1989) with the rule of Armijo, by question and answer: while not done(),
/// whoever has the function tells its value and gradient at point(). So several minimisations can
/// share a pass over a log. The function should be scaled to curvatures about 1.
class Lbfgs {
 public:
  /// From 0, until no entry of the gradient is above `tolerance` or `most_steps` are made.
  Lbfgs(std::size_t size, double tolerance, int most_steps);

  /// Also where no step is lower any more: as low as fp64 gets.
  bool done() const { return is_done_; }
  /// When done, the lowest one.
  const std::vector<double>& point() const { return asked_; }
  void tell(double value, std::vector<double> gradient);

  int steps() const { return steps_; }
  double slope() const;  ///< the largest entry of the gradient at the lowest point

 private:
  void turn();
  void ask(double length);
  std::vector<double> descent_direction() const;

  struct Pair {
    std::vector<double> move, change;  ///< of point and gradient
    double inverse;                    ///< of their inner product
  };

  double tolerance_;
  int most_steps_;
  std::vector<double> point_, gradient_, direction_, asked_;
  double value_ = 0, descent_ = 0, length_ = 1;
  std::deque<Pair> pairs_;
  int steps_ = 0, halvings_ = 0;
  bool has_value_ = false, is_done_ = false;
};

}  // namespace loopline::bandit
