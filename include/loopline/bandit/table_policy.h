#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "loopline/bandit/policy.h"

namespace loopline::bandit {

/// The columns of a CSV file of probabilities, one line an action, or an action and a position.
struct TableColumns {
  std::string action = "action";
  std::optional<std::string> position;  ///< nothing: the same probabilities at every position
  std::string probability = "probability";
};

/// Probabilities without context: by action, or by action and position.
class TablePolicy : public Policy {
 public:
  /// Reads a table. Actions are numbers from 0, or names of the file `action_names`; those that the
  /// table does not list have probability 0. Errors (exit 2): probabilities outside [0, 1], with
  /// their line; an action that is listed twice; a position whose probabilities do not sum to 1; a
  /// number of actions other than `actions`, where that is known.
  TablePolicy(const std::filesystem::path& file, const TableColumns& columns,
              std::optional<std::int64_t> actions = std::nullopt,
              const std::optional<std::string>& action_names = std::nullopt);

  std::int64_t actions() const;
  double logged(const LogBlock& block, std::size_t row) const override;

 protected:
  void fill(const LogBlock& block, std::size_t row,
            std::vector<double>& probability) const override;

 private:
  const std::vector<double>& at(const LogBlock& block, std::size_t row) const;

  bool by_position_;
  std::map<std::int64_t, std::vector<double>> probability_;  ///< by position, or all under 0
};

}  // namespace loopline::bandit
