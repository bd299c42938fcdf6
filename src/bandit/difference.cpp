#include "loopline/bandit/difference.h"

#include <array>

#include "loopline/core/error.h"

namespace loopline::bandit {
namespace {

constexpr std::array kForDifferences = {IntervalKind::kDelta, IntervalKind::kBootstrap};

}  // namespace

std::vector<Terms> difference_terms(const WeightedRows& target, const WeightedRows& production) {
  LOOPLINE_CHECK(target.size() == production.size(), "both policies weigh the same rows");
  std::vector<Terms> terms(target.size());
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const double w = target.weight[i] - production.weight[i];
    terms[i] = {target.reward[i], w * target.reward[i], w};
  }
  return terms;
}

DifferenceAccumulator::DifferenceAccumulator()
    : terms_(kDifferenceFunctional, "difference", kForDifferences) {}

void DifferenceAccumulator::add(const WeightedRows& target, const WeightedRows& production) {
  check_rows(target);
  check_rows(production);
  terms_.add(target, difference_terms(target, production));
}

}  // namespace loopline::bandit
