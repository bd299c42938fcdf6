#include "page_parts.h"

#include <cmath>

#include "loopline/report/html.h"

namespace loopline::bandit {

using report::page::element;
using report::page::escape;

namespace {

/// Whole numbers in full, with their thousands apart; others with six digits.
std::string short_number(double value) {
  const bool is_whole = value == std::floor(value) && std::abs(value) < 1e15;
  return is_whole ? report::page::count(value) : report::page::shortest(value);
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
  const auto value = report::page::number(report::page::find(json, {key}));
  return value ? short_number(*value) : "";
}

std::string plain_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return report::page::shortest(value.get<double>());
  if (!value.is_array()) return value.dump();
  std::string all;
  for (const Json& part : value) all += (all.empty() ? "" : ", ") + plain_text(part);
  return all;
}

std::string number_cell(const std::optional<double>& value) {
  if (!value) return element("td", "class=\"none\"", "–");
  return element("td", short_number(*value));
}

std::string origin(const std::string& command) {
  if (command.empty()) return "";
  return element("p", "This page is made again by") +
         element("pre", element("code", escape(command)));
}

}  // namespace loopline::bandit
