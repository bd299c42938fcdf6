#pragma once

#include <nlohmann/json.hpp>
#include <vector>

namespace loopline::report {

/// Six significant digits, a whole number without a point; null when not finite. More digits would
/// be noise, and the files are kept under version control.
nlohmann::ordered_json json_number(double value);
nlohmann::ordered_json json_numbers(const std::vector<double>& values);

}  // namespace loopline::report
