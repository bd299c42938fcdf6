#include "loopline/policy/surrogate.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "loopline/core/random.h"
#include "loopline/policy/advantage.h"
#include "loopline/policy/kl.h"

namespace loopline::policy {
namespace {

constexpr SurrogateOptions kLoop{SurrogateKind::kClipped, 0.1, 0.2};
constexpr SurrogateOptions kRloo{SurrogateKind::kLogProb, 0.1, 0.2};

at::Tensor vector(const std::vector<float>& values) { return at::tensor(values, at::kFloat); }

at::Tensor normal(std::uint32_t iteration, std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  fill_normal({.seed = 17, .iteration = iteration}, values);
  return vector(values);
}

struct Evaluated {
  Surrogate surrogate;
  at::Tensor gradient;  // of the summed loss by log_prob
};

Evaluated evaluate(const at::Tensor& log_prob, const at::Tensor& old, const at::Tensor& advantage,
                   const SurrogateOptions& options) {
  const at::Tensor leaf = log_prob.detach().clone().requires_grad_();
  Evaluated result{surrogate(leaf, old, advantage, options), {}};
  result.surrogate.loss.sum().backward();
  result.gradient = leaf.grad();
  return result;
}

TEST(Clipped, GradientEqualsLogProbsBeforeTheFirstUpdate) {
  const at::Tensor log_prob = normal(0, 64) * 3;
  const at::Tensor advantage = normal(1, 64);
  const Evaluated clipped = evaluate(log_prob, log_prob, advantage, kLoop);
  const Evaluated plain = evaluate(log_prob, log_prob, advantage, kRloo);
  EXPECT_TRUE(clipped.gradient.equal(plain.gradient));
  EXPECT_TRUE(clipped.gradient.equal(-advantage));
  EXPECT_TRUE(clipped.surrogate.log_ratio.equal(at::zeros({64})));
  EXPECT_EQ(clipped.surrogate.clipped_high.sum().item<double>(), 0);
  EXPECT_EQ(clipped.surrogate.clipped_low.sum().item<double>(), 0);
}

// The value of max(-A rho, -A clip(rho)) for every side of the clip and every sign of A.
TEST(Clipped, MatchesItsDefinitionAndStopsTheGradientWhereClipped) {
  const std::vector<float> ratios = {0.5, 0.85, 0.95, 1.0, 1.15, 1.3, 3.0};
  for (const float ratio : ratios) {
    for (const float a : {-2.0F, 0.0F, 0.7F}) {
      const Evaluated result =
          evaluate(vector({std::log(ratio) - 4}), vector({-4}), vector({a}), kLoop);
      const double kept = std::min(1.2, std::max(0.9, static_cast<double>(ratio)));
      EXPECT_NEAR(result.surrogate.loss.item<double>(), std::max(-a * ratio * 1.0, -a * kept),
                  1e-5);
      const bool high = a > 0 && ratio > 1.2;
      const bool low = a < 0 && ratio < 0.9;
      EXPECT_EQ(result.surrogate.clipped_high.item<double>(), high);
      EXPECT_EQ(result.surrogate.clipped_low.item<double>(), low);
      if (high || low) {
        EXPECT_EQ(result.gradient.item<double>(), 0) << ratio << " " << a;
      } else {
        EXPECT_NEAR(result.gradient.item<double>(), -a * ratio, 1e-5) << ratio << " " << a;
      }
    }
  }
}

TEST(Surrogate, LoopWithOneUpdateIsRloo) {
  std::vector<double> reward(24);
  fill_uniform({.seed = 2}, reward);
  AdvantageEstimator estimator({.baseline = Baseline::kLeaveOneOut}, 4);
  const auto value = estimator.estimate({reward, 4, std::vector<std::string>(6, "p")}).value;
  const at::Tensor advantage = at::tensor(value, at::kFloat);
  // log p of a linear policy: the gradient reaches parameters through it.
  const at::Tensor features = normal(3, 24 * 5).view({24, 5});
  const auto gradient = [&](const SurrogateOptions& options) {
    const at::Tensor parameters = normal(4, 5).requires_grad_();
    const at::Tensor log_prob = features.matmul(parameters);
    surrogate(log_prob, log_prob.detach(), advantage, options).loss.sum().div(24).backward();
    return parameters.grad();
  };
  EXPECT_TRUE(gradient(kLoop).equal(gradient(kRloo)));
  EXPECT_GT(gradient(kLoop).abs().max().item<double>(), 0.01);
}

TEST(Surrogate, MicroBatchesAddUpToTheMinibatch) {
  const at::Tensor old = normal(5, 12);
  const at::Tensor log_prob = old + 0.2 * normal(6, 12);
  const at::Tensor advantage = normal(7, 12);
  const at::Tensor whole = evaluate(log_prob, old, advantage, kLoop).gradient;
  std::vector<at::Tensor> parts;
  for (const auto& [from, rows] : std::vector<std::pair<int, int>>{{0, 5}, {5, 1}, {6, 6}}) {
    parts.push_back(evaluate(log_prob.narrow(0, from, rows), old.narrow(0, from, rows),
                             advantage.narrow(0, from, rows), kLoop)
                        .gradient);
  }
  EXPECT_TRUE(whole.allclose(at::cat(parts), 1e-6));
}

TEST(Surrogate, NoGradientReachesTheOldPolicyOrTheAdvantage) {
  const at::Tensor log_prob = normal(8, 4).requires_grad_();
  const at::Tensor old = normal(9, 4).requires_grad_();
  const at::Tensor advantage = normal(10, 4).requires_grad_();
  surrogate(log_prob, old, advantage, kLoop).loss.sum().backward();
  EXPECT_FALSE(old.grad().defined());
  EXPECT_FALSE(advantage.grad().defined());
}

TEST(Surrogate, ANonFiniteLogProbIsNotHiddenByTheClip) {
  const at::Tensor nan = vector({std::nanf("")});
  const Surrogate result = surrogate(nan, vector({0}), vector({1}), kLoop);
  EXPECT_TRUE(std::isnan(result.loss.item<double>()));
}

TEST(GaussianKl, MatchesTheFormulaAndItsGradient) {
  const at::Tensor mean = vector({1, 2, 3, 4}).view({2, 1, 1, 2}).requires_grad_();
  const at::Tensor reference = vector({0, 2, 3, 1}).view({2, 1, 1, 2});
  const at::Tensor kl = gaussian_kl(mean, reference, vector({0.5, 2}));
  // (1 + 0) / 2 / (2 * .25) and (0 + 9) / 2 / (2 * 4).
  EXPECT_TRUE(kl.allclose(vector({1, 0.5625})));
  kl.sum().backward();
  EXPECT_TRUE(mean.grad().flatten().allclose(vector({2, 0, 0, 0.375})));
}

// Both estimate KL(old || new) from samples of old; here old and new are Gaussians a shift apart.
TEST(KlEstimates, ConvergeToTheGaussianKl) {
  const double shift = 0.3;
  const at::Tensor x = normal(11, 200000);
  const at::Tensor log_ratio = -0.5 * (x - shift).square() + 0.5 * x.square();
  const double exact = shift * shift / 2;
  EXPECT_NEAR(kl_k1(log_ratio).mean().item<double>(), exact, 4 * shift / std::sqrt(2e5));
  EXPECT_NEAR(kl_k3(log_ratio).mean().item<double>(), exact, 1e-3);
}

TEST(KlEstimates, K3IsNeverNegativeAndKeepsSmallRatios) {
  EXPECT_GE(kl_k3(normal(12, 1000) * 1e-4).min().item<double>(), 0);
  // rho - 1 - log rho = log_ratio^2 / 2 here; exp(1e-3) - 1 in fp32 would be off by 1e-7.
  EXPECT_NEAR(kl_k3(vector({1e-2})).item<double>(), 5.0167e-5, 2e-9);
}

}  // namespace
}  // namespace loopline::policy
