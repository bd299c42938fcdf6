#include "loopline/stats/student_t.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace loopline::stats {
namespace {

TEST(StudentT, QuantilesMatchPublishedTable) {
  struct Row {
    double probability, freedom, quantile;
  };
  const Row table[] = {
      {0.975, 1, 12.706204736}, {0.975, 2, 4.302652730},  {0.975, 4, 2.776445105},
      {0.975, 9, 2.262157163},  {0.975, 30, 2.042272456}, {0.975, 1000, 1.962339081},
      {0.995, 5, 4.032142984},  {0.95, 3, 2.353363435},   {0.9995, 10, 4.586893859},
  };
  for (const Row& row : table) {
    EXPECT_NEAR(student_t_quantile(row.probability, row.freedom), row.quantile, 2e-9)
        << row.probability << " at " << row.freedom;
  }
}

TEST(StudentT, MatchesClosedFormsOfOneAndTwoDegrees) {
  for (const double t : {-40.0, -3.0, -0.1, 0.0, 0.5, 2.0, 1e3}) {
    EXPECT_NEAR(student_t_probability(t, 1), 0.5 + std::atan(t) / std::numbers::pi, 1e-13) << t;
    EXPECT_NEAR(student_t_probability(t, 2), 0.5 + t / (2 * std::sqrt(2 + t * t)), 1e-13) << t;
  }
}

TEST(StudentT, ManyDegreesAreNormal) {
  EXPECT_NEAR(student_t_quantile(0.975, 1e8), 1.959963985, 1e-7);
}

TEST(StudentT, QuantileInvertsProbabilityAndIsSymmetric) {
  for (const double freedom : {0.7, 3.0, 12.0, 400.0}) {
    for (const double probability : {1e-6, 0.01, 0.3, 0.5, 0.8, 0.999}) {
      const double t = student_t_quantile(probability, freedom);
      EXPECT_NEAR(student_t_probability(t, freedom), probability, 1e-12);
      EXPECT_NEAR(student_t_quantile(1 - probability, freedom), -t, 1e-6 * (1 + std::abs(t)));
    }
  }
}

}  // namespace
}  // namespace loopline::stats
