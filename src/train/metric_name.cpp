#include "metric_name.h"

#include <algorithm>

#include "loopline/core/error.h"
#include "loopline/core/text.h"

namespace loopline::train {

void check_metric(const std::string& option, const std::string& metric,
                  const std::vector<std::string>& known) {
  if (std::find(known.begin(), known.end(), metric) != known.end()) return;
  const std::string near = nearest_name(metric, known);
  throw Error("config: " + option, "this run has no metric \"" + metric + "\"",
              near.empty() ? "it has " + join(known) : "did you mean " + near + "?");
}

std::optional<double> metric_value(const nlohmann::json& line, const std::string& metric) {
  const auto found = line.find(metric);
  if (found == line.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

}  // namespace loopline::train
