#pragma once

#include <optional>
#include <string>
#include <vector>

#include "arms.h"
#include "loopline/report/summary.h"

namespace loopline::report::summary {

/// What the cells can be compared by, and what is put first.
struct Headline {
  std::string metric, split;
  std::vector<std::string> metrics;     ///< headline, reward, the rest by name
  std::vector<std::string> splits;      ///< in the order of the cells
  std::vector<std::string> conditions;  ///< evaluations but the default one

  Place place() const { return {kDefaultEvaluation, split, metric}; }
};

/// A metric or split that the subject names and no evaluation has is an Error (exit 2).
Headline choose_headline(const std::vector<Cell>& cells, const Arms& arms, const Subject& subject);

/// The subject's; else half the way from the base model to the best main arm, to two decimals where
/// those leave it above the base. Nothing without a base or a gain.
std::optional<double> choose_target(const Arms& arms, const Headline& headline,
                                    const Subject& subject);

}  // namespace loopline::report::summary
