#include "loopline/stats/student_t.h"

#include <math.h>

#include <cmath>

#include "loopline/core/error.h"

namespace loopline::stats {
namespace {

// std::lgamma writes a global sign; this one may be called from any thread.
double log_gamma(double x) {
  int sign = 0;
  return ::lgamma_r(x, &sign);
}

double not_zero(double x) { return std::abs(x) < 1e-300 ? 1e-300 : x; }

// The continued fraction of the incomplete beta function (DLMF 8.17.22), by Lentz's method. It
// converges fast for x < (a + 1) / (a + b + 2).
double beta_fraction(double a, double b, double x) {
  double c = 1;
  double d = 1 / not_zero(1 - (a + b) * x / (a + 1));
  double fraction = d;
  for (int m = 1; m < 100000; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / not_zero(1 + even * d);
    c = not_zero(1 + even / c);
    fraction *= c * d;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / not_zero(1 + odd * d);
    c = not_zero(1 + odd / c);
    fraction *= c * d;
    if (std::abs(c * d - 1) < 1e-15) return fraction;
  }
  return fraction;
}

// I_x(a, b), the regularised incomplete beta function; y = 1 - x is given to keep its digits.
double regularised_beta(double a, double b, double x, double y) {
  if (x <= 0) return 0;
  if (y <= 0) return 1;
  const double front =
      std::exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * std::log(x) + b * std::log(y));
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
  return 1 - front * beta_fraction(b, a, y) / b;
}

// P(T > t) for t >= 0.
double upper_tail(double t, double freedom) {
  const double square = t * t;
  return 0.5 * regularised_beta(freedom / 2, 0.5, freedom / (freedom + square),
                                square / (freedom + square));
}

}  // namespace

double student_t_probability(double t, double freedom) {
  LOOPLINE_CHECK(freedom > 0, "degrees of freedom must be positive");
  return t < 0 ? upper_tail(-t, freedom) : 1 - upper_tail(t, freedom);
}

double student_t_quantile(double probability, double freedom) {
  LOOPLINE_CHECK(probability > 0 && probability < 1, "a probability inside (0, 1) is needed");
  LOOPLINE_CHECK(freedom > 0, "degrees of freedom must be positive");
  const double tail = probability < 0.5 ? probability : 1 - probability;
  double low = 0;
  double high = 1;
  while (upper_tail(high, freedom) > tail && high < 1e150) high *= 2;
  // The tail falls monotonically: halve until no double lies between the ends.
  for (double middle = (low + high) / 2; low < middle && middle < high; middle = (low + high) / 2) {
    (upper_tail(middle, freedom) > tail ? low : high) = middle;
  }
  return probability < 0.5 ? -high : high;
}

}  // namespace loopline::stats
