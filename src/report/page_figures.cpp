#include <algorithm>
#include <cctype>

#include "loopline/core/error.h"
#include "loopline/report/page.h"
#include "page_plots.h"

namespace loopline::report {
namespace {

using Figures = std::vector<std::pair<std::string, std::string>>;

constexpr std::size_t kLongestName = 100;  // bytes; file systems end at 255

/// Components of a judge are anyone's names: what is left has no folders and no surprises.
std::string file_name(const std::string& metric, const Figures& others) {
  std::string name = metric.substr(0, kLongestName);
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '.') c = '-';
  }
  if (name.starts_with('.')) name.front() = '_';
  const auto taken = [&](const std::string& file) {
    return std::any_of(others.begin(), others.end(),
                       [&](const auto& figure) { return figure.first == file; });
  };
  while (taken(name + ".svg")) name += "_";
  return name + ".svg";
}

}  // namespace

Figures render_figures(const nlohmann::ordered_json& report) {
  Figures figures;
  if (!can_plot()) return figures;
  try {
    for (const std::string& metric : page::plotted_metrics(report)) {
      std::string document = plot_document(page::metric_plot(report, metric, "images"));
      if (document.empty()) continue;
      figures.emplace_back(file_name(metric, figures), std::move(document));
    }
  } catch (const Error&) {
    return {};  // the page says why
  }
  return figures;
}

}  // namespace loopline::report
