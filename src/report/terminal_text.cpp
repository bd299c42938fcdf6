#include <algorithm>
#include <cstdio>

#include "loopline/core/text.h"
#include "loopline/report/summary.h"
#include "report_text.h"
#include "report_view.h"

namespace loopline::report {
namespace summary {
namespace {

using Line = std::vector<std::string>;

/// A column and how readily it is left out: the highest first, 0 never.
struct Heading {
  std::string title;
  int expendable = 0;
  std::string meaning = "";
};

std::vector<Heading> headings(const Json& report) {
  const Json& target = report["target"];
  const std::string level = target.is_null() ? "target" : level_text(target.get<double>());
  return {{"algorithm"},
          {"seeds", 6},
          {"images", 1},
          {"updates", 3},
          {report["metric"].get<std::string>(), 0,
           "on " + report["split"].get<std::string>() + ", with 95 % intervals"},
          {"gain", 0, "over base"},
          {"IQM", 4, "mean of the middle half"},
          {"AUC", 5, "mean height of the training curve"},
          {"to " + level, 2, "images until the training curve is there"},
          {"minutes", 2}};
}

std::string legend(const std::vector<Heading>& headings) {
  std::vector<std::string> parts;
  for (const Heading& heading : headings) {
    if (!heading.meaning.empty()) parts.push_back(heading.title + ": " + heading.meaning);
  }
  return join(parts, "; ") + ".";
}

std::string mean_text(const Json& interval, bool sign = false) {
  if (interval.is_null() || interval["mean"].is_null()) return "-";
  return score_text(interval["mean"].get<double>(), sign);
}

/// The median; beyond the run's images when fewer than half of the runs got there.
std::string images_text(const Json& arm) {
  const Json& images = arm["images_to_target"];
  if (images.is_null()) return "-";
  if (!images["median"].is_null()) return count_text(images["median"].get<double>());
  return std::string(1, '>').append(count_text(arm["budget"]["images"].get<double>()));
}

Line base_line(const Json& score) {
  return {"base", "", "0", "0", interval_text(score), "", "", "", "", ""};
}

Line arm_line(const Json& report, const ArmView& arm) {
  const Json& json = *arm.json;
  const Json& budget = json["budget"];
  char minutes[32];
  std::snprintf(minutes, sizeof minutes, "%.1f", budget["seconds"].get<double>() / 60);
  return {arm.name + (report["best"] == arm.name ? " *" : ""),
          std::to_string(json["seeds"].size()),
          count_text(budget["images"].get<double>()),
          count_text(budget["updates"].get<double>()),
          arm.score ? interval_text(*arm.score) : "-",
          arm.score ? mean_text((*arm.score)["gain"], /*sign=*/true) : "-",
          mean_text(json["interquartile_mean"]),
          mean_text(json["area_under_curve"]),
          images_text(json),
          minutes};
}

std::vector<std::size_t> widths_of(const std::vector<Line>& lines) {
  std::vector<std::size_t> widths(lines.front().size());
  for (const Line& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  return widths;
}

constexpr std::size_t kGap = 2;

/// Leaves out columns until the lines are no longer than the terminal; report.json has them all.
void fit(std::vector<Heading>& headings, std::vector<Line>& lines, std::size_t columns) {
  for (;;) {
    std::size_t total = 0;
    for (const std::size_t width : widths_of(lines)) total += width + kGap;
    const auto least = std::max_element(
        headings.begin(), headings.end(),
        [](const Heading& a, const Heading& b) { return a.expendable < b.expendable; });
    if (total <= columns + kGap || least->expendable == 0) return;
    const auto index = least - headings.begin();
    headings.erase(least);
    for (Line& line : lines) line.erase(line.begin() + index);
  }
}

/// The name to the left, numbers to the right.
std::string line_text(const Line& line, const std::vector<std::size_t>& widths) {
  std::string text = line[0] + std::string(widths[0] - line[0].size(), ' ');
  for (std::size_t i = 1; i < line.size(); ++i) {
    text += std::string(kGap + widths[i] - line[i].size(), ' ') + line[i];
  }
  return text.substr(0, text.find_last_not_of(' ') + 1) + "\n";
}

/// Arms at equal images, then those at equal updates below a heading of their own.
std::string tables_text(const Json& report, int columns) {
  const std::vector<ArmView> main = arms_of(report, "main");
  const std::vector<ArmView> updates = arms_of(report, "updates");
  std::vector<Heading> heads = headings(report);
  std::vector<Line> lines(1);
  for (const Heading& heading : heads) lines.front().push_back(heading.title);
  const Json* base = base_score(report, report["metric"].get<std::string>());
  if (base) lines.push_back(base_line(*base));
  for (const ArmView& arm : main) lines.push_back(arm_line(report, arm));
  const std::size_t first_of_updates = lines.size();
  for (const ArmView& arm : updates) lines.push_back(arm_line(report, arm));
  fit(heads, lines, static_cast<std::size_t>(columns));
  const std::vector<std::size_t> widths = widths_of(lines);
  std::string text;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i == first_of_updates) text += "\nAt equal updates:\n" + line_text(lines[0], widths);
    text += line_text(lines[i], widths);
  }
  return text + "\n" + wrapped(legend(heads), columns) + "\n";
}

}  // namespace
}  // namespace summary

std::string terminal_text(const nlohmann::ordered_json& report, int columns) {
  using namespace summary;
  std::string text;
  if (!report["algorithms"].empty()) text = tables_text(report, columns);
  for (const Json& finding : report["findings"]) {
    text += wrapped(finding.get<std::string>(), columns);
  }
  return text;
}

}  // namespace loopline::report
