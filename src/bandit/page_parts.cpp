#include "page_parts.h"

#include <cmath>

#include "loopline/report/interval_bar.h"

namespace loopline::bandit::page {
namespace {

/// Whatever it is, in one line.
std::string plain_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return shortest(value.get<double>());
  if (value.is_object() || !value.is_structured()) return value.dump();
  std::string all;
  for (const Json& part : value) all += (all.empty() ? "" : ", ") + plain_text(part);
  return all;
}

}  // namespace

std::string facts_list(const std::vector<Fact>& facts) {
  std::string items;
  for (const Fact& fact : facts) {
    if (fact.value.empty()) continue;
    items += element("dt", escape(fact.name)) + element("dd", escape(fact.value));
  }
  return items.empty() ? "" : element("dl", items) + "\n";
}

std::string number_text(const Json& json, const char* key) {
  const std::optional<double> value = number(find(json, {key}));
  if (!value) return "";
  const bool is_whole = *value == std::floor(*value) && std::abs(*value) < 1e15;
  return is_whole ? count(*value) : shortest(*value);
}

std::string number_cell(const Json& json, const char* key) {
  const std::string digits = number_text(json, key);
  return digits.empty() ? element("td", "class=\"none\"", "–") : element("td", digits);
}

std::string verdict_sentence(const std::string& verdict) {
  if (verdict == "unusable") {
    return element("strong", "Unusable") + ": do not act on these numbers.";
  }
  if (verdict == "doubtful") {
    return element("strong", "Doubtful") + ": treat these numbers with care.";
  }
  return element("strong", "Usable") + ": nothing in the weights speaks against these numbers.";
}

std::string lead(const std::string& verdict, const std::vector<std::string>& reasons,
                 const std::vector<std::string>& notes) {
  std::string content = element("p", verdict), items;
  for (const std::string& reason : reasons) items += element("li", escape(reason));
  if (!items.empty()) content += element("ul", "id=\"reasons\"", items);
  for (const std::string& note : notes) content += element("p", escape(note));
  return element("div", "class=\"findings\" id=\"verdict\"", content) + "\n";
}

std::vector<std::string> log_notes(const Json& result) {
  std::vector<std::string> notes;
  if (text(find(result, {"log", "propensities"})) == "estimated") {
    notes.push_back("Estimated propensities: what their model gets wrong is in no interval.");
  }
  if (find(result, {"log", "balanced"}) != nullptr) {
    notes.push_back(
        "Weights are balanced, over the mixture of the loggers; the rows of a single "
        "logger have weights over its own propensities.");
  }
  const double skipped = number(find(result, {"log", "skipped"})).value_or(0);
  if (skipped > 0) notes.push_back(count(skipped) + " bad rows were skipped.");
  return notes;
}

std::string estimator_name(const Json& estimate, const char* key) {
  const std::string parameter = number_text(estimate, "parameter");
  return text(find(estimate, {key})) + (parameter.empty() ? "" : "(" + parameter + ")");
}

std::string inputs(const Json& result, const std::vector<std::string>& parts) {
  std::vector<Fact> facts;
  for (const std::string& part : parts) {
    const Json* members = find(result, {part});
    if (members == nullptr) continue;
    for (const auto& [key, value] : members->items()) {
      const bool is_empty = value.is_null() || (value.is_array() && value.empty());
      if (!is_empty) facts.push_back({part + " " + key, plain_text(value)});
    }
  }
  return facts_list(facts);
}

std::string series_key(int colour) {
  if (colour < 0) return "";
  return element("span", "class=\"key " + series_class(colour) + "\" aria-hidden=\"true\"", "");
}

std::string origin(const std::string& command) {
  return element("p", "This page is made again by") +
         element("pre", element("code", escape(command)));
}

}  // namespace loopline::bandit::page
