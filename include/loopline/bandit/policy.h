#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "loopline/bandit/log_block.h"

namespace loopline::bandit {

/// What answers pi(a | x). Safe to ask from several threads at once.
class Policy {
 public:
  virtual ~Policy() = default;

  /// False: only the probability of the logged action is known, and `answer` is not to be called.
  virtual bool answers_all() const { return true; }

  /// The probabilities of all actions of a row, in the order of their ids. Errors name the row: an
  /// action set or a position that the policy does not know; probabilities that are not in [0, 1]
  /// or do not sum to 1 within 1e-6; a logged action that is not among them.
  void answer(const LogBlock& block, std::size_t row, std::vector<double>& probability) const;

  /// pi(a | x) of the logged action. Errors: as above.
  virtual double logged(const LogBlock& block, std::size_t row) const;

 protected:
  /// Fills `probability`, whatever size it has.
  virtual void fill(const LogBlock& block, std::size_t row,
                    std::vector<double>& probability) const = 0;
};

/// Sums of probabilities may miss 1 by this.
constexpr double kProbabilityTolerance = 1e-6;

/// The log's column `target`. A log without it is an Error.
class ColumnPolicy : public Policy {
 public:
  bool answers_all() const override { return false; }
  double logged(const LogBlock& block, std::size_t row) const override;

 protected:
  void fill(const LogBlock& block, std::size_t row,
            std::vector<double>& probability) const override;
};

/// All actions of the row's set, or of the fixed one, alike.
class UniformPolicy : public Policy {
 public:
  explicit UniformPolicy(std::int64_t actions) : actions_(static_cast<std::size_t>(actions)) {}
  double logged(const LogBlock& block, std::size_t row) const override;

 protected:
  void fill(const LogBlock& block, std::size_t row,
            std::vector<double>& probability) const override;

 private:
  std::size_t actions_;
};

/// Another policy with probability 1 - epsilon, the uniform one otherwise.
class EpsilonPolicy : public Policy {
 public:
  EpsilonPolicy(std::unique_ptr<Policy> greedy, double epsilon)
      : greedy_(std::move(greedy)), epsilon_(epsilon) {}

 protected:
  void fill(const LogBlock& block, std::size_t row,
            std::vector<double>& probability) const override;

 private:
  std::unique_ptr<Policy> greedy_;
  double epsilon_;
};

}  // namespace loopline::bandit
