#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "loopline/bandit/labelled_world.h"
#include "loopline/bandit/synthetic_world.h"
#include "loopline/config/options.h"

namespace loopline::bandit {

/// Which worlds and logs a simulation draws: what all simulations are asked for. The meaning of
/// each option is written once, in describe() (src/bandit/problems.cpp).
struct ProblemsConfig {
  std::vector<double> temperatures = {-5, 1, 5};
  std::vector<std::int64_t> rows;
  std::int64_t seeds = 50, first_seed = 0;
  struct WorldConfig {
    std::string kind = "synthetic";
    SyntheticConfig synthetic;
    std::vector<std::string> files, features, categorical;
    std::optional<std::string> label, hash;
    LabelledConfig labelled;
  } world;

  void describe(config::OptionVisitor& visitor);

  /// Errors for what one option alone does not show.
  void check() const;

  /// Fills in the hash of the world's files; an Error where it is there and another one.
  void hash_files();
};

/// One world and log of a simulation.
struct CellKey {
  double temperature = 0;
  std::int64_t rows = 0;
  std::int64_t seed = 0;

  std::string name() const;  ///< "temperature_-5_rows_1000_seed_3"
};

/// Of all problems. Short logs first, then seed by seed: a simulation that is stopped early has
/// whole tables.
std::vector<CellKey> keys_of(const ProblemsConfig& config);

/// The rows of a labelled world, null of a synthetic one.
std::shared_ptr<const LabelledData> read_data(const ProblemsConfig& config);

/// The world of a problem, at the part that is its log. `data`: read_data.
std::unique_ptr<World> make_world(const ProblemsConfig& config,
                                  const std::shared_ptr<const LabelledData>& data,
                                  const CellKey& key);

}  // namespace loopline::bandit
