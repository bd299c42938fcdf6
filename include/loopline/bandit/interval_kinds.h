#pragma once

#include <span>
#include <string_view>

namespace loopline::bandit {

/// Two-sided intervals of an estimate.
enum class IntervalKind { kNormal, kStudentT, kDelta, kBootstrap, kBernstein, kSequence };

struct IntervalEntry {
  IntervalKind kind;
  std::string_view name;
  std::string_view formula;
  std::string_view promise;  ///< what it takes to cover at its level
};

/// All kinds, in the order of the enumeration.
std::span<const IntervalEntry> interval_table();

std::string_view name_of(IntervalKind kind);

/// Error (exit 2) that names the kinds there are.
IntervalKind interval_named(std::string_view name);

}  // namespace loopline::bandit
