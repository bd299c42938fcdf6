#include "loopline/bandit/softmax_fit.h"

#include <gtest/gtest.h>

#include <cmath>

#include "loopline/bandit/argmax_policy.h"
#include "loopline/core/random.h"

namespace loopline::bandit {
namespace {

WeightedLabels some_labels() {
  WeightedLabels rows{.features = 2};
  std::vector<double> u(4 * 200);
  fill_uniform({.seed = 4, .stream = Stream::kSample}, u);
  for (std::size_t i = 0; i < 200; ++i) {
    rows.context.insert(rows.context.end(), {2 * u[4 * i] - 1, 2 * u[4 * i + 1] - 1});
    rows.label.push_back(u[4 * i] + .5 * u[4 * i + 2] > .75 ? 2 : u[4 * i + 1] > .5 ? 1 : 0);
    rows.weight.push_back(u[4 * i + 3] < .2 ? 0 : 3 * u[4 * i + 3]);
  }
  return rows;
}

double loss_of(const WeightedLabels& rows, const SoftmaxFit& fit, double l2) {
  double loss = 0;
  for (std::size_t i = 0; i < rows.label.size(); ++i) {
    double sum = 0, own = 0;
    for (std::size_t a = 0; a < fit.bias.size(); ++a) {
      const double s = fit.bias[a] + fit.weight[2 * a] * rows.context[2 * i] +
                       fit.weight[2 * a + 1] * rows.context[2 * i + 1];
      sum += std::exp(s);
      if (static_cast<std::int64_t>(a) == rows.label[i]) own = s;
    }
    loss += rows.weight[i] * (std::log(sum) - own);
  }
  for (const double w : fit.weight) loss += l2 / 2 * w * w;
  for (const double b : fit.bias) loss += l2 / 2 * b * b;
  return loss;
}

TEST(SoftmaxFits, TheGradientVanishesThere) {
  const WeightedLabels rows = some_labels();
  const SoftmaxFit fit = fit_softmax(rows, 4, .5);  // the last label is never seen
  EXPECT_LE(fit.slope, 1e-5);
  EXPECT_LT(fit.steps, 100);
  double total = 0;
  for (const double c : rows.weight) total += c;
  const auto slope = [&](std::vector<double> SoftmaxFit::*list, std::size_t i) {
    SoftmaxFit up = fit, down = fit;
    (up.*list)[i] += 1e-5;
    (down.*list)[i] -= 1e-5;
    return (loss_of(rows, up, .5) - loss_of(rows, down, .5)) / 2e-5;
  };
  for (std::size_t i = 0; i < fit.weight.size(); ++i) {
    EXPECT_NEAR(slope(&SoftmaxFit::weight, i), 0, 2e-5 * total);
  }
  for (std::size_t a = 0; a < fit.bias.size(); ++a) {
    EXPECT_NEAR(slope(&SoftmaxFit::bias, a), 0, 2e-5 * total);
  }
}

TEST(SoftmaxFits, NoWeightIsNoOpinion) {
  WeightedLabels rows = some_labels();
  rows.weight.assign(rows.weight.size(), 0.0);
  const SoftmaxFit fit = fit_softmax(rows, 3, 1);
  EXPECT_EQ(fit.weight, std::vector<double>(6));
  EXPECT_EQ(fit.bias, std::vector<double>(3));
}

TEST(ArgmaxPolicies, TakeTheBestScoreAndTheFirstOfEquals) {
  LogBlock block;
  block.features = 1;
  block.context = {1, -1, 0};
  block.action = {0, 0, 0};
  const ArgmaxPolicy policy({-1, 0, 2}, {0, 0, 0});
  std::vector<double> p;
  policy.answer(block, 0, p);
  EXPECT_EQ(p, (std::vector<double>{0, 0, 1}));
  policy.answer(block, 1, p);
  EXPECT_EQ(p, (std::vector<double>{1, 0, 0}));
  policy.answer(block, 2, p);
  EXPECT_EQ(p, (std::vector<double>{1, 0, 0}));
}

}  // namespace
}  // namespace loopline::bandit
