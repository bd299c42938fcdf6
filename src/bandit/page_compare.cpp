#include "loopline/bandit/page.h"
#include "loopline/report/document.h"
#include "page_values.h"
#include "page_weights.h"

namespace loopline::bandit {
namespace page {
namespace {

std::vector<PolicyWeights> weights_of_policies(const Json& result) {
  std::vector<PolicyWeights> policies;
  for (const auto& [name, diagnostics] : result.at("diagnostics").items()) {
    policies.push_back({name, &diagnostics});
  }
  return policies;
}

std::string comparison_verdict(const Json& result) {
  const std::string weights = verdict_sentence(text(find(result, {"weights"})));
  if (result.at("verdict") == result.at("weights")) return weights;
  return element("strong", "Nothing learnable here") +
         ": no policy's difference from the uniform one is certain. " + weights;
}

std::vector<std::string> policy_notes(const Json& result) {
  std::vector<std::string> notes = log_notes(result);
  for (const Json& policy : result.at("policies")) {
    std::string words;
    const auto say = [&](const std::string& part) { words += (words.empty() ? "" : "; ") + part; };
    const std::string gain = text(find(policy, {"against_uniform"}));
    if (gain == "unusable") {
      say("the weights carry no comparison with the uniform policy");
    } else if (!gain.empty()) {
      say(gain + " (by " + text(find(result, {"judged_by"})) + ")");
    }
    if (policy.at("on_policy") == true) {
      say("this is the logging policy, all weights are 1: its value is the mean reward");
    }
    const std::string note = text(find(policy, {"note"}));
    if (!note.empty()) say(number_text(policy, "actions") + " actions, " + note);
    if (!words.empty()) notes.push_back(text(find(policy, {"name"})) + ": " + words + ".");
  }
  return notes;
}

std::string compared_differences(const Json& result) {
  const Json& rows = result.at("differences");
  if (rows.empty()) return "";
  return element("p", "Of two policies on the same rows, with " + level_text(rows) +
                          " intervals: what both have in common cancels, so a difference is more "
                          "certain than the values it lies between. The dashed line is 0: no "
                          "difference. The baseline is " +
                          element("bdi", escape(text(find(result, {"baseline"})))) + ".") +
         value_table(rows, {.id = "differences-table",
                            .first = "difference",
                            .estimator = "estimator",
                            .mark = 0,
                            .is_difference = true});
}

std::string compared_values(const Json& result) {
  const Json& rows = result.at("estimates");
  std::vector<std::string> names;
  for (const PolicyWeights& policy : weights_of_policies(result)) names.push_back(policy.name);
  const auto logging = number(find(result, {"diagnostics", names.front(), "mean_reward"}));
  return element("p", "What each policy would have earned a decision, with " + level_text(rows) +
                          " intervals. The dashed line is the mean reward of the log, the value of "
                          "the policy that logged" +
                          (logging ? ": " + shortest(*logging) : "") + ".") +
         value_table(rows, {.id = "values",
                            .first = "policy",
                            .estimator = "estimator",
                            .mark = logging,
                            .swatch = names});
}

std::string compared_weights(const Json& result) {
  std::string words;
  for (const Json& policy : result.at("policies")) {
    const std::string name = policy.at("name").get<std::string>();
    words += element("dt", element("bdi", escape(name)) + " (" +
                               escape(text(find(policy, {"verdict"}))) + ")") +
             element("dd", escape(weights_in_words(result.at("diagnostics").at(name))));
  }
  const std::vector<PolicyWeights> policies = weights_of_policies(result);
  return weight_plots(policies) + weight_table(policies) + element("dl", "class=\"terms\"", words) +
         "\n";
}

std::string compared_loggers(const Json& result) {
  std::string tables;
  for (const auto& [name, diagnostics] : result.at("diagnostics").items()) {
    const std::string table = logger_table(find(diagnostics, {"loggers"}), "loggers-" + name);
    if (!table.empty()) tables += element("h3", element("bdi", escape(name))) + "\n" + table;
  }
  return tables;
}

std::string compared_inputs(const Json& result) {
  std::string lists;
  for (const Json& policy : result.at("policies")) {
    Json own = policy;
    for (const char* key : {"name", "verdict", "reasons", "on_policy", "against_uniform", "note"}) {
      own.erase(key);
    }
    lists += inputs({{policy.at("name").get<std::string>(), own}},
                    {policy.at("name").get<std::string>()});
  }
  return lists + inputs(result, {"model", "log"});
}

}  // namespace
}  // namespace page

std::string comparison_page(const nlohmann::ordered_json& result, const std::string& command) {
  using namespace page;
  return report::render_document(
      {.title = "The values of policies from a log",
       .lead =
           lead(comparison_verdict(result), texts(find(result, {"reasons"})), policy_notes(result)),
       .sections = {{"differences", "Differences", compared_differences(result)},
                    {"estimates", "Values", compared_values(result)},
                    {"weights", "Weights", compared_weights(result)},
                    {"by-logger", "By logger", compared_loggers(result)},
                    {"inputs", "Policies and log", compared_inputs(result)},
                    {"origin", "Origin", origin(command)}}});
}

}  // namespace loopline::bandit
