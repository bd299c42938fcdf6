#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "loopline/policy/advantage.h"
#include "loopline/policy/surrogate.h"

namespace loopline::policy {

/// An algorithm is a point on two axes, and its name is a row of this table, nothing more.
struct Preset {
  std::string name;
  std::int64_t group_size;  ///< K: 1, or 4 for the algorithms that compare samples of one prompt
  Baseline baseline;
  Scale scale;
  SurrogateKind surrogate;
  std::int64_t updates;  ///< updates an epoch of one iteration
};

const std::vector<Preset>& presets();

/// The preset of that name; an unknown one is an Error with the nearest.
const Preset& find_preset(const std::string& name);

/// Names of the axes' values as configs write them, and back; an unknown name is an Error that
/// lists the known ones.
std::string to_string(Baseline);
std::string to_string(Scale);
std::string to_string(SurrogateKind);
Baseline parse_baseline(const std::string&);
Scale parse_scale(const std::string&);
SurrogateKind parse_surrogate(const std::string&);
std::vector<std::string> baseline_names();
std::vector<std::string> scale_names();
std::vector<std::string> surrogate_names();

}  // namespace loopline::policy
