#include "bandit_text.h"

#include <cstdio>

namespace loopline::cli {

using Json = nlohmann::ordered_json;

std::string number_text(const Json& value) {
  if (!value.is_number()) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value.get<double>());
  return text;
}

std::string estimator_text(const Json& estimate, const char* key) {
  std::string name = estimate[key].get<std::string>();
  if (estimate.contains("parameter")) name += "(" + number_text(estimate["parameter"]) + ")";
  return name;
}

std::string value_text(const Json& estimate) {
  const std::string interval =
      "[" + number_text(estimate["low"]) + ", " + number_text(estimate["high"]) + "]";
  char text[80];
  std::snprintf(text, sizeof text, "%12s  %-27s  ", number_text(estimate["value"]).c_str(),
                interval.c_str());
  std::string line = text + estimate["interval"].get<std::string>();
  for (const Json& note : estimate["notes"]) line += "; " + note.get<std::string>();
  return line;
}

std::string value_heading(const Json& estimate) {
  char interval[32];
  std::snprintf(interval, sizeof interval, "%g %% interval", 100 * estimate["level"].get<double>());
  char text[80];
  std::snprintf(text, sizeof text, "%12s  %-27s  note", "value", interval);
  return text;
}

void print_weights(const std::string& verdict, const Json& reasons, const Json& log) {
  if (verdict == "unusable") {
    std::printf("UNUSABLE: do not act on these numbers.\n");
  } else if (verdict == "doubtful") {
    std::printf("DOUBTFUL: treat these numbers with care.\n");
  } else {
    std::printf("Usable: nothing in the weights speaks against these numbers.\n");
  }
  for (const Json& reason : reasons) {
    std::printf("  - %s\n", reason.get_ref<const std::string&>().c_str());
  }
  if (log["propensities"] == "estimated") {
    std::printf("Estimated propensities: what their model gets wrong is in no interval.\n");
  }
  std::printf("\n");
}

void print_skipped(const Json& log) {
  if (log["skipped"] == 0) return;
  std::printf("%lld bad rows were skipped:\n",
              static_cast<long long>(log["skipped"].get<std::int64_t>()));
  for (const Json& message : log["skipped_messages"]) {
    std::printf("  %s\n", message.get_ref<const std::string&>().c_str());
  }
}

void print_report_page(const std::filesystem::path& page) {
  std::printf("\nReport: %s\n", page.c_str());
}

}  // namespace loopline::cli
