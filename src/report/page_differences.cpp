#include <algorithm>
#include <cmath>

#include "loopline/report/interval_bar.h"
#include "page_sections.h"
#include "page_table.h"

namespace loopline::report::page {
namespace {

/// A verdict is a word; its colour repeats it.
std::string verdict_tag(const std::string& verdict) {
  const std::string kind = verdict == "shown"       ? "shown"
                           : verdict == "suggested" ? "suggested"
                                                    : "open";
  return element("span", "class=\"verdict " + kind + "\"", escape(verdict));
}

std::string t_cell(const Json& difference, int decimals) {
  const auto low = number(find(difference, {"t_low"})), high = number(find(difference, {"t_high"}));
  if (!low || !high) return element("td", "class=\"none\"", "–");
  return element("td", "class=\"quiet\"",
                 decimal(*low, decimals, true) + " to " + decimal(*high, decimals, true));
}

std::string difference_row(const Json& entry, const std::vector<Row>& arms, const BarScale& scale,
                           int decimals) {
  const std::string a = text(find(entry, {"a"})), b = text(find(entry, {"b"}));
  const auto value = estimate(find(entry, {"difference"}));
  const auto seeds = number(find(entry, {"seeds"}));
  std::string cells =
      element("th", "scope=\"row\"",
              element("span", "class=\"pair\"", arm_label(a, colour_of(arms, a))) + " " +
                  element("span", "class=\"pair\"", "−&nbsp;" + arm_label(b, colour_of(arms, b))));
  cells += element("td", "class=\"word\"",
                   breakable(text(find(entry, {"metric"}))) +
                       element("small", escape(text(find(entry, {"split"})))));
  cells += element("td", seeds ? count(*seeds) : "–");
  cells += estimate_cell("difference", value, decimals, true);
  cells += element("td", "class=\"bar\"",
                   value ? interval_bar(*value, scale, series_class(colour_of(arms, a))) : "");
  cells += t_cell(entry, decimals);
  cells += estimate_cell("probability_of_improvement",
                         estimate(find(entry, {"probability_of_improvement"})), 2);
  cells += element("td", "class=\"word\"", verdict_tag(text(find(entry, {"verdict"}))));
  return element("tr", cells) + "\n";
}

}  // namespace

std::string differences_section(const Json& report) {
  const Json* list = find(report, {"differences"});
  if (list == nullptr || list->empty()) return "";
  std::vector<Estimate> values;
  double largest = 0;
  for (const Json& entry : *list) {
    if (const auto value = estimate(find(entry, {"difference"}))) {
      values.push_back(*value);
      largest = std::max(largest, std::abs(value->mean));
    }
  }
  if (values.empty()) return "";
  const BarScale scale = bar_scale(values, 0.0);
  const std::vector<Row> arms = arm_rows(report, "");
  const std::string head = word_heading("first − second") + word_heading("metric, split") +
                           heading("paired seeds") + heading("difference") +
                           heading(bar_heading(scale)) + heading("Student t") +
                           heading("P(first is better)") + word_heading("verdict");
  std::string body;
  for (const Json& entry : *list) {
    body += difference_row(entry, arms, scale, decimals_for(largest));
  }
  return element("p",
                 "Runs of the same seed saw the same prompts and noise, so they are compared pair "
                 "by pair. The dashed line is no difference.") +
         table("id=\"differences-table\"", "", element("tr", head), body);
}

}  // namespace loopline::report::page
