#include "loopline/bandit/page.h"
#include "loopline/report/document.h"
#include "page_values.h"
#include "page_weights.h"

namespace loopline::bandit {
namespace page {
namespace {

std::string estimate_lead(const Json& result) {
  std::vector<std::string> notes = log_notes(result);
  const std::string note = text(find(result, {"policy", "note"}));
  if (!note.empty()) {
    notes.push_back("Policy: " + number_text(result.at("policy"), "actions") + " actions, " + note);
  }
  return lead(verdict_sentence(text(find(result, {"verdict"}))), texts(find(result, {"reasons"})),
              notes);
}

std::string estimated_values(const Json& result) {
  const Json& rows = result.at("estimates");
  const std::optional<double> logging = number(find(result, {"diagnostics", "mean_reward"}));
  return element("p", "What the policy would have earned a decision, with " + level_text(rows) +
                          " intervals. The dashed line is the mean reward of the log, the value of "
                          "the policy that logged" +
                          (logging ? ": " + shortest(*logging) : "") + ".") +
         value_table(rows,
                     {.id = "values", .first = "estimator", .estimator = "name", .mark = logging});
}

std::string weights_of_estimate(const Json& result) {
  const Json& diagnostics = result.at("diagnostics");
  return element("p", escape(weights_in_words(diagnostics))) +
         weight_plots({{"policy", &diagnostics}});
}

}  // namespace
}  // namespace page

std::string estimate_page(const nlohmann::ordered_json& result, const std::string& command) {
  using namespace page;
  return report::render_document(
      {.title = "The value of a policy from a log",
       .lead = estimate_lead(result),
       .sections = {{"estimates", "Values", estimated_values(result)},
                    {"weights", "Weights", weights_of_estimate(result)},
                    {"by-logger", "By logger", logger_table(find(result, {"loggers"}), "loggers")},
                    {"inputs", "Policy and log", inputs(result, {"policy", "model", "log"})},
                    {"origin", "Origin", origin(command)}}});
}

}  // namespace loopline::bandit
