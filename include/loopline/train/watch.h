#pragma once

#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "loopline/train/config.h"

namespace loopline::train {

/// Looks for reward hacking: a reward that grows while what it stands for does not. Compares the
/// latest iterations with the run's first one, whose images are still drawn by the weights that the
/// run started from. A function of the logged metrics alone, so a resumed run watches as the
/// straight one does.
///
/// watch/gap          gain of reward/mean less gain of judge/NAME, each in standard deviations of
///                    the first iteration's images
/// watch/diversity    image/diversity over the first iteration's
/// watch/image_shift  the largest move of the mean of brightness, contrast, saturation or detail,
///                    in standard deviations of the first iteration's images
/// and kl/nats, the distance to the reference, as it is logged.
class Watch {
 public:
  /// `judges`: components that the run logs as judge/NAME; another name in the options is an Error.
  Watch(const TrainConfig::Watch& options, const std::vector<std::string>& judges);

  /// Adds watch/* to the line of an iteration, as far as the first line and this one allow: a run
  /// without judges has no gap, one with a trajectory a prompt no diversity.
  void measure(nlohmann::ordered_json& line) const;

  /// A line of metrics.jsonl, in their order.
  void see(const nlohmann::json& line);

  /// The limits that the mean of the latest iterations passes, one clause each: "the reward outruns
  /// judge/oracle_joint (watch/gap 2.31 > 1.5)". Empty with `off`.
  std::vector<std::string> alarms() const;

  /// Whether the run is to end now.
  bool stops() const { return options_.action == "stop" && !alarms().empty(); }

 private:
  struct Limit {
    std::string metric, meaning;
    std::optional<double> value;
    bool is_floor = false;
    std::deque<double> latest{};
  };

  std::optional<double> gain(const nlohmann::json& line, const std::string& mean,
                             const std::string& deviation) const;

  TrainConfig::Watch options_;
  std::string judge_;  ///< "" without judges
  nlohmann::json first_;
  std::vector<Limit> limits_;
};

}  // namespace loopline::train
