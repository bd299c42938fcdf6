#include "loopline/bandit/published.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "loopline/core/error.h"

namespace loopline::bandit {
namespace {

using config::ConfigTree;

const std::vector<std::pair<std::string, ConfigTree>>& published_map(const ConfigTree& tree) {
  if (tree.kind == ConfigTree::Kind::kMap) return tree.map;
  throw Error(tree.place, "published is a map: temperature, rows, estimator, figure",
              "for example published: {1: {1000000: {ips: 6.41e-5}}}");
}

double published_number(const std::string& text, const std::string& place) {
  std::size_t end = 0;
  double value = 0;
  try {
    value = std::stod(text, &end);
  } catch (const std::exception&) {
  }
  if (end == text.size() && end > 0 && std::isfinite(value)) return value;
  throw Error(place, "\"" + text + "\" is no number");
}

}  // namespace

std::vector<PublishedFigure> take_published(
    ConfigTree& tree, const std::string& key,
    const std::function<void(const std::string& name)>& check_name) {
  const auto found = std::find_if(tree.map.begin(), tree.map.end(),
                                  [&](const auto& entry) { return entry.first == key; });
  if (found == tree.map.end()) return {};
  std::vector<PublishedFigure> figures;
  for (const auto& [temperature, by_rows] : published_map(found->second)) {
    for (const auto& [rows, by_name] : published_map(by_rows)) {
      for (const auto& [name, value] : published_map(by_name)) {
        check_name(name);
        figures.push_back({published_number(temperature, by_rows.place),
                           static_cast<std::int64_t>(published_number(rows, by_name.place)), name,
                           published_number(value.scalar, value.place)});
      }
    }
  }
  tree.map.erase(found);
  return figures;
}

std::optional<double> published_figure(const std::vector<PublishedFigure>& figures,
                                       const CellKey& key, const std::string& name) {
  for (const PublishedFigure& figure : figures) {
    if (figure.temperature == key.temperature && figure.rows == key.rows && figure.name == name) {
      return figure.value;
    }
  }
  return std::nullopt;
}

}  // namespace loopline::bandit
