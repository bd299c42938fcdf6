#include "loopline/train/prompt_order.h"

#include <algorithm>
#include <cmath>

#include "loopline/core/error.h"
#include "loopline/core/random.h"

namespace loopline::train {
namespace {

// Sums of weights[0..j], in units of the greatest weight: no sum overflows.
std::vector<double> cumulative_weights(std::span<const double> weights) {
  LOOPLINE_CHECK(std::ranges::all_of(weights, [](double w) { return std::isfinite(w) && w >= 0; }),
                 "weights are finite and not negative");
  const double greatest = weights.empty() ? 0 : std::ranges::max(weights);
  LOOPLINE_CHECK(greatest > 0, "a prompt that can be drawn");
  std::vector<double> sums;
  double sum = 0;
  for (const double weight : weights) sums.push_back(sum += weight / greatest);
  return sums;
}

// In [0, 1), from the upper 53 of two words' bits: 32 would show in a list of a million.
double uniform_of(std::uint32_t high, std::uint32_t low) {
  const std::uint64_t bits = static_cast<std::uint64_t>(high) << 32 | low;
  return std::ldexp(static_cast<double>(bits >> 11), -53);
}

}  // namespace

std::vector<std::int64_t> prompts_of_iteration(std::uint64_t seed, std::int64_t iteration,
                                               std::int64_t groups, std::int64_t prompt_count) {
  std::vector<std::int64_t> chosen;
  std::vector<std::int64_t> order;
  std::int64_t order_epoch = -1;
  for (std::int64_t position = iteration * groups; position < (iteration + 1) * groups;
       ++position) {
    const std::int64_t epoch = position / prompt_count;
    if (epoch != order_epoch) {
      order = random_permutation({.seed = seed,
                                  .stream = Stream::kPromptOrder,
                                  .iteration = static_cast<std::uint32_t>(epoch)},
                                 prompt_count);
      order_epoch = epoch;
    }
    chosen.push_back(order[static_cast<std::size_t>(position % prompt_count)]);
  }
  return chosen;
}

std::vector<std::int64_t> drawn_prompts_of_iteration(std::uint64_t seed, std::int64_t iteration,
                                                     std::int64_t groups,
                                                     std::span<const double> weights) {
  const std::vector<double> sums = cumulative_weights(weights);
  const Draw draw{.seed = seed,
                  .stream = Stream::kPromptDraw,
                  .iteration = static_cast<std::uint32_t>(iteration)};
  std::vector<std::int64_t> chosen;
  for (std::int64_t i = 0; i < groups; ++i) {
    const auto words = philox(draw, static_cast<std::uint32_t>(i / 2));
    const std::size_t half = i % 2 == 0 ? 0 : 2;
    const double point = uniform_of(words[half], words[half + 1]) * sums.back();
    chosen.push_back(std::ranges::upper_bound(sums, point) - sums.begin());
  }
  return chosen;
}

}  // namespace loopline::train
