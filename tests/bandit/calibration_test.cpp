#include "loopline/bandit/calibration.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "loopline/core/random.h"

namespace loopline::bandit {
namespace {

TEST(Calibrations, AreMeansOverTenthsOfThePredictions) {
  // 1000 different predictions, spaced so that no two are within a cell of the grid.
  Calibration calibration;
  std::vector<double> p;
  for (int i = 0; i < 1000; ++i) p.push_back(1 / (1 + std::exp((499.5 - i) / 40)));
  for (int i = 0; i < 1000; ++i) calibration.add(p[static_cast<std::size_t>(i)], i % 4 == 0, 2);
  const std::vector<CalibrationBin> bins = calibration.finish(10);
  ASSERT_EQ(bins.size(), 10U);
  for (std::size_t b = 0; b < 10; ++b) {
    double mean = 0;
    double variance = 0;
    for (std::size_t i = 100 * b; i < 100 * (b + 1); ++i) {
      mean += p[i] / 100;
      variance += 2 * p[i] * (1 - p[i]);
    }
    EXPECT_EQ(bins[b].predictions, 200);
    EXPECT_NEAR(bins[b].predicted, mean, 1e-14);
    EXPECT_NEAR(bins[b].observed, .25, 1e-14);
    EXPECT_NEAR(bins[b].error, std::sqrt(variance) / 200, 1e-14);
  }
}

TEST(Calibrations, NeverTearEqualPredictionsApart) {
  Calibration calibration;
  for (int i = 0; i < 100; ++i) calibration.add(.2, i < 30, 1);
  for (int i = 0; i < 20; ++i) calibration.add(1, true, 1);
  const std::vector<CalibrationBin> bins = calibration.finish(10);
  ASSERT_EQ(bins.size(), 2U);
  EXPECT_NEAR(bins[0].predicted, .2, 1e-14);
  EXPECT_NEAR(bins[0].observed, .3, 1e-14);
  EXPECT_EQ(bins[1].observed, 1);
  EXPECT_NEAR(calibration_error(bins), 100 * .1 / 120, 1e-14);
}

TEST(Calibrations, TellRightProbabilitiesFromWrongOnes) {
  std::vector<double> u(20'000);
  fill_uniform({.seed = 2, .stream = Stream::kSample}, u);
  Calibration right, wrong;
  for (std::size_t i = 0; i < u.size(); i += 2) {
    right.add(u[i], u[i + 1] < u[i], 1);
    wrong.add(u[i], u[i + 1] < std::sqrt(u[i]), 1);
  }
  const auto largest = [](const Calibration& calibration) {
    double most = 0;
    for (const CalibrationBin& bin : calibration.finish(10)) {
      most = std::max(most, std::abs(bin.observed - bin.predicted) / bin.error);
    }
    return most;
  };
  EXPECT_LT(largest(right), 4);
  EXPECT_GT(largest(wrong), 10);
}

}  // namespace
}  // namespace loopline::bandit
