#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "loopline/bandit/problems.h"
#include "loopline/config/config_tree.h"

namespace loopline::bandit {

/// A figure that somebody else has published of an estimator or an objective.
struct PublishedFigure {
  double temperature = 0;
  std::int64_t rows = 0;
  std::string name;
  double value = 0;
};

/// Takes the map `key`, {temperature: {rows: {name: figure}}}, out of a config: options cannot say
/// it, as its keys are numbers. `check_name` throws for a name that is none. None: no figures.
std::vector<PublishedFigure> take_published(
    config::ConfigTree& tree, const std::string& key,
    const std::function<void(const std::string& name)>& check_name);

/// That of a problem and a name, if any.
std::optional<double> published_figure(const std::vector<PublishedFigure>& figures,
                                       const CellKey& key, const std::string& name);

}  // namespace loopline::bandit
