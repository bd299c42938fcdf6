#include <algorithm>
#include <cstdio>

#include "loopline/bandit/page.h"
#include "loopline/report/document.h"
#include "loopline/report/plot_grid.h"
#include "page_parts.h"

namespace loopline::bandit {
namespace page {
namespace {

std::string three_digits(double value) {
  char digits[32];
  std::snprintf(digits, sizeof digits, "%.3g", value);
  return digits;
}

std::string three_digits(const Json& row, const char* key) {
  const std::optional<double> value = number(find(row, {key}));
  return value ? three_digits(*value) : "";
}

/// The rows of one temperature.
struct SimulatedSetting {
  double temperature = 0;
  std::vector<const Json*> rows{};        ///< short logs first
  std::vector<std::string> estimators{};  ///< in the order of their colours
};

std::vector<SimulatedSetting> settings_of(const Json& summary) {
  std::vector<SimulatedSetting> settings;
  for (const Json& row : summary.at("rows")) {
    const auto temperature = row.at("temperature").get<double>();
    if (settings.empty() || settings.back().temperature != temperature) {
      settings.push_back({.temperature = temperature});
    }
    SimulatedSetting& setting = settings.back();
    setting.rows.push_back(&row);
    const std::string name = text(find(row, {"estimator"}));
    const auto known = std::find(setting.estimators.begin(), setting.estimators.end(), name);
    if (known == setting.estimators.end()) setting.estimators.push_back(name);
  }
  for (SimulatedSetting& setting : settings) {
    std::stable_sort(setting.rows.begin(), setting.rows.end(), [](const Json* a, const Json* b) {
      return a->at("rows").get<double>() < b->at("rows").get<double>();
    });
  }
  return settings;
}

/// One number of an estimator against the length of the log.
report::PlotLine line_of(const SimulatedSetting& setting, int colour, const char* key,
                         bool has_band = false) {
  report::PlotLine line{.label = setting.estimators[static_cast<std::size_t>(colour)],
                        .colour = colour};
  for (const Json* row : setting.rows) {
    const std::optional<double> y = number(find(*row, {key}));
    if (!y || text(find(*row, {"estimator"})) != line.label) continue;
    line.x.push_back(row->at("rows").get<double>());
    line.y.push_back(*y);
    if (!has_band) continue;
    line.low.push_back(row->at("mse_low").get<double>());
    line.high.push_back(row->at("mse_high").get<double>());
  }
  return line;
}

std::string simulated_plots(const SimulatedSetting& setting, double level) {
  std::vector<report::Plot> plots(4);
  plots[0] = {.title = "mean squared error", .x_label = "rows", .log_x = true, .log_y = true};
  plots[1] = {.title = "bias²", .x_label = "rows", .log_x = true, .log_y = true};
  plots[2] = {.title = "variance", .x_label = "rows", .log_x = true, .log_y = true};
  plots[3] = {.title = "coverage of the intervals", .x_label = "rows", .log_x = true};
  plots[3].levels.push_back({.label = "level of the intervals", .y = level});
  for (int colour = 0; colour < static_cast<int>(setting.estimators.size()); ++colour) {
    plots[0].lines.push_back(line_of(setting, colour, "mse", true));
    plots[0].lines.push_back(line_of(setting, colour, "published"));
    plots[0].lines.back().style = report::PlotStyle::kCircles;
    plots[1].lines.push_back(line_of(setting, colour, "bias_squared"));
    plots[2].lines.push_back(line_of(setting, colour, "variance"));
    plots[3].lines.push_back(line_of(setting, colour, "coverage"));
  }
  return report::plot_grid(plots);
}

std::string cell_of(const std::string& content, const std::string& below = "") {
  if (content.empty()) return element("td", "class=\"none\"", "–");
  return element("td", content + (below.empty() ? "" : element("small", "class=\"ci\"", below)));
}

std::string simulated_row(const Json& row, const SimulatedSetting& setting) {
  const std::string name = text(find(row, {"estimator"}));
  const auto place = std::find(setting.estimators.begin(), setting.estimators.end(), name);
  const int colour = static_cast<int>(place - setting.estimators.begin());
  std::string cells =
      element("th", "scope=\"row\"", series_key(colour) + element("code", escape(name)));
  cells += number_cell(row, "rows") + number_cell(row, "seeds");
  const std::string mse = three_digits(row, "mse");
  cells += cell_of(
      mse,
      mse.empty() ? "" : three_digits(row, "mse_low") + " to " + three_digits(row, "mse_high"));
  for (const char* key : {"bias_squared", "variance", "coverage"}) {
    cells += cell_of(three_digits(row, key));
  }
  const Json* versus = find(row, {"versus_beta_ips"});
  cells += versus == nullptr ? cell_of("")
                             : cell_of(escape(text(find(*versus, {"verdict"}))),
                                       "t = " + three_digits(*versus, "t"));
  cells += cell_of(three_digits(row, "published")) + cell_of(three_digits(row, "ratio"));
  return element("tr", cells) + "\n";
}

std::string simulated_table(const SimulatedSetting& setting, const std::string& id) {
  std::string head, body;
  for (const char* title : {"estimator", "rows", "seeds", "mse, 95 % interval", "bias²", "variance",
                            "coverage", "against beta_ips", "published", "mse over it"}) {
    head += heading(title);
  }
  for (const Json* row : setting.rows) body += simulated_row(*row, setting);
  return table("id=\"" + id + "\"", "", element("tr", head), body);
}

/// "At temperature -5 and 1,000,000 rows beta_ips has the smallest error, ...".
std::string smallest_error(const SimulatedSetting& setting) {
  const double longest = setting.rows.back()->at("rows").get<double>();
  const Json* best = nullptr;
  for (const Json* row : setting.rows) {
    if (row->at("rows").get<double>() != longest || !row->contains("mse")) continue;
    if (best == nullptr || row->at("mse") < best->at("mse")) best = row;
  }
  if (best == nullptr) return "";
  return "At temperature " + shortest(setting.temperature) + " and " + count(longest) + " rows " +
         text(find(*best, {"estimator"})) + " has the smallest mean squared error, " +
         three_digits(*best, "mse") + " (" + three_digits(*best, "mse_low") + " to " +
         three_digits(*best, "mse_high") + ").";
}

/// What stands at the top: which estimators are nearest, and how near published figures are.
std::vector<std::string> simulation_findings(const Json& summary,
                                             const std::vector<SimulatedSetting>& settings) {
  std::vector<std::string> findings;
  for (const SimulatedSetting& setting : settings) {
    const std::string sentence = smallest_error(setting);
    if (!sentence.empty()) findings.push_back(sentence);
  }
  std::vector<double> ratios;
  for (const Json& row : summary.at("rows")) {
    if (const auto ratio = number(find(row, {"ratio"}))) ratios.push_back(*ratio);
  }
  if (!ratios.empty()) {
    const auto [low, high] = std::minmax_element(ratios.begin(), ratios.end());
    findings.push_back("The errors here are " + three_digits(*low) + " to " + three_digits(*high) +
                       " times the published ones, of which there are " +
                       count(static_cast<double>(ratios.size())) + ".");
  }
  const double missing = number(find(summary, {"missing"})).value_or(0);
  if (missing > 0) {
    findings.push_back(count(missing) + " of " +
                       count(missing + number(find(summary, {"cells"})).value_or(0)) +
                       " cells are missing: the same command goes on.");
  }
  return findings;
}

std::string simulated_section(const SimulatedSetting& setting, const Json& summary,
                              const std::string& id) {
  const bool is_published = std::any_of(setting.rows.begin(), setting.rows.end(),
                                        [](const Json* row) { return row->contains("published"); });
  return element("p",
                 std::string("Bands are 95 % intervals of the mean squared error over seeds, by "
                             "bootstrap. ") +
                     (is_published ? "Hollow circles are published figures. " : "") +
                     "The error is bias² plus variance; what is 0 has no place on a "
                     "logarithmic axis.") +
         simulated_plots(setting, number(find(summary, {"level"})).value_or(0)) +
         simulated_table(setting, id + "-table");
}

}  // namespace
}  // namespace page

std::string simulation_page(const nlohmann::ordered_json& summary, const std::string& command) {
  using namespace page;
  const std::vector<SimulatedSetting> settings = settings_of(summary);
  std::string sentences;
  for (const std::string& sentence : simulation_findings(summary, settings)) {
    sentences += element("p", escape(sentence));
  }
  report::Document document{
      .title = "Estimators against a known truth",
      .lead = element("div", "class=\"findings\" id=\"findings\"", sentences) + "\n"};
  for (std::size_t i = 0; i < settings.size(); ++i) {
    const std::string id = "temperature-" + std::to_string(i);
    document.sections.push_back({id, "Temperature " + shortest(settings[i].temperature),
                                 simulated_section(settings[i], summary, id)});
  }
  document.sections.push_back({"origin", "Origin", origin(command)});
  return report::render_document(std::move(document));
}

}  // namespace loopline::bandit
