#include "poisson.h"

#include <math.h>

#include <cmath>
#include <utility>

#include "loopline/core/error.h"

namespace loopline::bandit {
namespace {

constexpr std::uint32_t kMostAttempts = 256;
// Blocks of a draw from here on are for counts that need more than a word.
constexpr std::uint32_t kAttemptBlocks = 1U << 31;

/// P(X <= k) of Poisson(1) in units of 2^-32; the last is out of reach of a word.
constexpr std::array<std::uint32_t, 12> kPoissonOneSteps = [] {
  std::array<std::uint32_t, 12> steps{};
  double probability = 0.36787944117144233;
  double sum = 0;
  for (std::size_t k = 0; k < steps.size(); ++k) {
    sum += probability;
    probability /= static_cast<double>(k + 1);
    const double scaled = sum * 4294967296.0;
    steps[k] = scaled < 4294967295.0 ? static_cast<std::uint32_t>(scaled) : 4294967295U;
  }
  return steps;
}();

// Without a branch: what a random word decides cannot be predicted.
double poisson_of_word(std::uint32_t word) {
  int k = 0;
  for (const std::uint32_t step : kPoissonOneSteps) k += word >= step ? 1 : 0;
  return k;
}

double open_uniform(std::uint32_t high, std::uint32_t low) {
  const std::uint64_t bits = (static_cast<std::uint64_t>(high) << 32 | low) >> 12;
  return (static_cast<double>(bits) + 0.5) * 0x1p-52;
}

std::pair<double, double> uniform_pair(const Draw& draw, std::uint32_t replicate,
                                       std::uint32_t attempt) {
  const auto words = philox(draw, kAttemptBlocks + replicate * kMostAttempts + attempt);
  return {open_uniform(words[0], words[1]), open_uniform(words[2], words[3])};
}

double inverted_poisson(double uniform, double mean) {
  double probability = std::exp(-mean);
  double k = 0;
  while (uniform > probability && k < 1000) {
    uniform -= probability;
    k += 1;
    probability *= mean / k;
  }
  return k;
}

// std::lgamma writes a global sign; this one may be called from any thread.
double log_factorial(double k) {
  int sign = 0;
  return ::lgamma_r(k + 1, &sign);
}

}  // namespace

Draw unit_draw(std::uint64_t seed, std::int64_t unit) {
  const auto bits = static_cast<std::uint64_t>(unit);
  return {.seed = seed,
          .stream = Stream::kBootstrap,
          .iteration = static_cast<std::uint32_t>(bits & 0xFFFFFF),
          .slot = static_cast<std::uint32_t>(bits >> 24 & 0xFFFFF),
          .k = static_cast<std::uint32_t>(bits >> 44 & 0xFFF),
          .step = static_cast<std::uint32_t>(bits >> 56)};
}

std::array<double, 4> poisson_counts(const Draw& draw, std::uint32_t group) {
  const auto words = philox(draw, group);
  return {poisson_of_word(words[0]), poisson_of_word(words[1]), poisson_of_word(words[2]),
          poisson_of_word(words[3])};
}

double poisson_count(const Draw& draw, std::uint32_t replicate, double mean) {
  if (mean < 10) return inverted_poisson(uniform_pair(draw, replicate, 0).first, mean);
  const double b = 0.931 + 2.53 * std::sqrt(mean);
  const double a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
  const double squeeze = 0.9277 - 3.6224 / (b - 2);
  for (std::uint32_t attempt = 0; attempt < kMostAttempts; ++attempt) {
    const auto [first, v] = uniform_pair(draw, replicate, attempt);
    const double u = first - 0.5;
    const double edge = 0.5 - std::abs(u);
    const double k = std::floor((2 * a / edge + b) * u + mean + 0.43);
    if (edge >= 0.07 && v <= squeeze) return k;
    if (k < 0 || (edge < 0.013 && v > edge)) continue;
    if (std::log(v * inverse_alpha / (a / (edge * edge) + b)) <=
        k * std::log(mean) - mean - log_factorial(k)) {
      return k;
    }
  }
  LOOPLINE_CHECK(false, "a rejection sampler that accepts four of five has ended");
}

}  // namespace loopline::bandit
