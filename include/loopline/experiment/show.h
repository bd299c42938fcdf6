#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace loopline::experiment {

/// What `loopline show` is asked for.
struct ShowRequest {
  std::filesystem::path run{};
  std::int64_t count = 20;
  bool best = false;                        ///< highest values first, else lowest
  std::string by = "reward";                ///< a key of the sample log
  std::optional<std::int64_t> iteration{};  ///< one iteration; else the latest logged one
  bool all = false;                         ///< all logged iterations
};

/// Lines of a run's sample log (samples.jsonl) in the order asked for. Samples without a value
/// (invalid ones) come first among the worst and never among the best. A run without a log and an
/// unknown key are Errors.
std::vector<nlohmann::json> show_samples(const ShowRequest& request);

/// Draws the pictures of such lines, `columns` a row, into `png`. Lines without a picture are an
/// Error that says how to keep pictures.
void draw_samples(const std::filesystem::path& run, const std::vector<nlohmann::json>& lines,
                  int columns, int zoom, const std::filesystem::path& png);

}  // namespace loopline::experiment
