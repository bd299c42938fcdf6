#include "loopline/bandit/interval_kinds.h"

#include <array>

#include "named_table.h"

namespace loopline::bandit {
namespace {

constexpr std::array kIntervalTable = {
    IntervalEntry{IntervalKind::kNormal, "normal", "mean +- z s / sqrt(n)",
                  "many rows, finite variance"},
    IntervalEntry{IntervalKind::kStudentT, "student_t", "mean +- t_(units - 1) s / sqrt(n)",
                  "many rows or normal terms, finite variance"},
    IntervalEntry{IntervalKind::kDelta, "delta",
                  "value +- t_(units - 1) s of the linearised terms / sqrt(n)",
                  "many rows, finite variance"},
    IntervalEntry{IntervalKind::kBootstrap, "bootstrap",
                  "percentiles over replicates in which every unit counts Poisson(1) times",
                  "many rows, finite variance"},
    IntervalEntry{IntervalKind::kBernstein, "bernstein",
                  "mean +- (s sqrt(2 ln(4/d) / n) + 7 (high - low) ln(4/d) / (3 (n - 1)))",
                  "any number of independent rows whose terms lie in the given range"},
    IntervalEntry{IntervalKind::kSequence, "confidence_sequence",
                  "empirical-Bernstein supermartingales of w r and w (1 - r)",
                  "any number of independent rows at any time, rewards in [0, 1], right "
                  "propensities; no largest weight, no full support"},
};

}  // namespace

std::span<const IntervalEntry> interval_table() { return kIntervalTable; }

std::string_view name_of(IntervalKind kind) { return entry_of(interval_table(), kind).name; }

IntervalKind interval_named(std::string_view name) {
  return entry_named(interval_table(), "interval", name).kind;
}

}  // namespace loopline::bandit
