#pragma once

#include <cstdint>
#include <vector>

#include "loopline/bandit/world.h"

namespace loopline::bandit {

/// How synthetic rewards come about.
struct SyntheticConfig {
  std::int64_t actions = 100;
  std::int64_t dimensions = 5;  ///< of the context
  std::int64_t degree = 4;      ///< of the polynomials
  double kept = 0.1;            ///< share of the monomials that count
  bool reference_z_score = false;
};

/// The synthetic world of Gupta, Jeunen, Oosterhuis & de Rijke, RecSys 2024 (arXiv 2405.05736),
/// which is the sparse logistic one of Open Bandit Pipeline (Saito et al. 2021).
///
/// x is standard normal; f are `kept` of its monomials up to `degree` (the constant among them),
/// g those of the one-hot action. As the products of different actions vanish and powers of 1 are
/// 1, g is a constant and, of each action, Binomial(degree, kept) ones: the matrix is never built,
/// and all actions with none share one reward function. With coefficients U(-1, 1),
///   l(x, a) = u.f(x) + v.g(a) + f(x)^T M g(a)
///   q(x, a) = 1 / (1 + exp(-degree (l - m) / s))
/// m, s: mean and deviation of l over all rows of the sample and all actions. The reference program
/// computes degree (l - m / s) by a slip of precedence; `reference_z_score` does, too.
/// pi_0(a | x) = softmax(temperature q(x, .)), as the paper calls it: above 0 the logging policy is
/// a good one, below 0 a bad one.
///
/// Coefficients are a function of the seed alone, contexts of key and row.
class SyntheticWorld : public World {
 public:
  /// A sample of `rows` >= 1 rows, in one pass over them.
  SyntheticWorld(const SyntheticConfig& config, double temperature, WorldKey key,
                 std::int64_t rows);

  /// The same rewards and policy at contexts of another part.
  SyntheticWorld elsewhere(WorldPart part) const;

  std::size_t actions() const override { return group_of_action_.size(); }
  const LogEncoding& encoding() const override { return encoding_; }
  WorldKey key() const override { return key_; }
  void fill(std::int64_t first, std::size_t count, WorldRows& rows) const override;
  void visit_truth(std::int64_t fresh,
                   const std::function<void(const WorldRows& rows)>& use) const override;

  double mean() const { return mean_; }            ///< m
  double deviation() const { return deviation_; }  ///< s

  /// The monomials that count: `dimensions` exponents each.
  const std::vector<std::vector<int>>& monomials() const { return monomials_; }
  /// f(x)'s coefficients in l(x, a), u + M g(a), and the rest, v.g(a).
  const std::vector<double>& slopes(std::size_t action) const {
    return groups_[group_of_action_[action]].slope;
  }
  double offset(std::size_t action) const { return groups_[group_of_action_[action]].offset; }

 private:
  /// Actions that share a reward function.
  struct Group {
    std::vector<double> slope;
    double offset = 0;
    double actions = 0;
  };

  void choose_monomials();
  void draw_groups();
  void find_moments(std::int64_t rows);
  void contexts(std::int64_t first, std::size_t count, std::vector<double>& context) const;
  /// l of each row and group.
  void scores(const std::vector<double>& context, std::size_t count,
              std::vector<double>& score) const;

  SyntheticConfig config_;
  double temperature_;
  WorldKey key_;
  LogEncoding encoding_;
  std::vector<std::vector<int>> monomials_;
  std::vector<Group> groups_;
  std::vector<std::size_t> group_of_action_;
  double mean_ = 0, deviation_ = 1;
};

}  // namespace loopline::bandit
