#pragma once

#include <string>

namespace loopline::reward {

/// The shortest text that reads back as `weight`: "0.1".
std::string weight_text(double weight);

}  // namespace loopline::reward
