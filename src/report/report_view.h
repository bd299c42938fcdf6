#pragma once

#include <string>
#include <vector>

#include "intervals.h"

/// Reading a report.
namespace loopline::report::summary {

/// An algorithm of a report, and what stands under its name.
struct ArmView {
  std::string name;
  const Json* json = nullptr;
  const Json* score = nullptr;  ///< headline metric on the headline split; null: not measured
};

/// Those of a group, or of all with "", in order.
std::vector<ArmView> arms_of(const Json& report, const std::string& group);

/// Of a metric on the headline split; null where it was not measured.
const Json* score_of(const Json& report, const Json& arm, const std::string& metric);
const Json* base_score(const Json& report, const std::string& metric);

/// How sure the gain in a score over the base model is; see differences.h. "": no base.
std::string gain_verdict(const Json* score);

}  // namespace loopline::report::summary
