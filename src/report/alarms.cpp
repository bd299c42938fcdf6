#include "alarms.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <optional>

#include "curves.h"
#include "report_text.h"
#include "settings.h"

namespace loopline::report::summary {
namespace {

struct WatchLimit {
  const char* metric;
  const char* option;
  bool is_floor = false;
};

constexpr WatchLimit kLimits[] = {{"watch/gap", "watch.max_gap"},
                                  {"watch/diversity", "watch.min_diversity", true},
                                  {"watch/image_shift", "watch.max_image_shift"},
                                  {"kl/nats", "watch.max_kl"}};

/// Images after which the mean over the latest `watch.window` measured iterations first was beyond
/// the limit, as the watch of the run itself sees it.
std::optional<double> first_alarm(const Cell& cell, const WatchLimit& limit) {
  const auto bound = number_setting(cell, limit.option);
  const auto window = number_setting(cell, "watch.window");
  if (!bound || !window || text_setting(cell, "watch.action") == "off") return std::nullopt;
  const std::vector<double> values = logged(cell.curve, limit.metric);
  std::deque<double> latest;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) continue;
    latest.push_back(values[i]);
    if (static_cast<double>(latest.size()) > *window) latest.pop_front();
    if (static_cast<double>(latest.size()) < *window) continue;
    double mean = 0;
    for (const double value : latest) mean += value / *window;
    if (limit.is_floor ? mean < *bound : mean > *bound) return cell.curve.images[i];
  }
  return std::nullopt;
}

}  // namespace

std::string alarms(const std::vector<const Cell*>& runs) {
  std::string text;
  for (const WatchLimit& limit : kLimits) {
    int count = 0;
    double first = 0;
    std::string bound;
    for (const Cell* cell : runs) {
      const auto images = first_alarm(*cell, limit);
      if (!images) continue;
      first = count == 0 ? *images : std::min(first, *images);
      if (count++ == 0) bound = text_setting(*cell, limit.option);
    }
    if (count == 0) continue;
    text += (text.empty() ? "" : "; ") + std::string(limit.metric) +
            (limit.is_floor ? " below " : " above ") + bound + " in " + std::to_string(count) +
            " of " + std::to_string(runs.size()) + (runs.size() == 1 ? " run" : " runs") +
            ", first after " + count_text(first) + " images";
  }
  return text;
}

}  // namespace loopline::report::summary
