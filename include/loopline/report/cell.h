#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace loopline::report {

/// Pictures of a cell are at most so many pixels wide: a page has dozens of them.
constexpr int kPictureWidth = 160;

/// What a run logged, one entry an iteration; cumulative where it counts something.
struct Curve {
  std::vector<double> images, updates, seconds;
  /// Under the names of metrics.jsonl ("reward/mean", "judge/oracle_joint", "kl/nats", ...). NaN:
  /// not measured in that iteration.
  std::map<std::string, std::vector<double>> metrics;
};

/// One split of an evaluation: for every metric the mean over the images of each prompt. NaN: no
/// image of the prompt had a value.
struct SplitScores {
  std::string name;
  std::vector<std::string> prompts;
  std::map<std::string, std::vector<double>> metrics;
};

/// An image that was judged badly.
struct Failure {
  std::string split, prompt;
  std::map<std::string, double> scores;
  std::string picture;  ///< PNG bytes
};

/// All splits, drawn in one way.
struct Evaluation {
  std::string name;  ///< "default" is the way of the run's own settings
  std::int64_t steps = 0;
  double eta = 0, guidance = 0;
  std::int64_t images_per_prompt = 0;
  std::int64_t seed = 0;  ///< of the noise: equal seeds are paired, image by image
  std::vector<SplitScores> splits;
  std::vector<Failure> failures;  ///< worst first; may be empty
};

/// The same prompts and the same noise at several times of a run.
struct Wall {
  std::vector<std::string> prompts;
  std::vector<std::int64_t> images;                ///< trained on so far, one a column
  std::vector<std::vector<std::string>> pictures;  ///< PNG bytes, [column][prompt]
};

/// What one run leaves for reports: small, self-contained, without machine paths, so that it can be
/// kept under version control when the run itself is gone.
struct Cell {
  std::string name;            ///< "loop-seed-16"
  std::string arm;             ///< the row that it belongs to: "loop", "loop-group_size-2", "base"
  std::string group = "main";  ///< "main", "updates" (equal updates too), "base"
  std::int64_t seed = 0;
  bool finished = false;
  std::vector<std::string> judges;   ///< components of the judges in their order
  std::int64_t steps_per_image = 0;  ///< forwards of the sampler
  /// Resolved options in the order of the reference: dotted path and value as YAML text.
  std::vector<std::pair<std::string, std::string>> settings;
  nlohmann::ordered_json versions;  ///< of run.json: {"loopline", "torch", ...}
  Curve curve;                      ///< empty for the base model
  std::vector<Evaluation> evaluations;
  Wall wall;  ///< may be empty
};

/// As part of a cell's JSON, or a file of its own. Reading throws nlohmann's exceptions.
nlohmann::ordered_json to_json(const Evaluation& evaluation);
Evaluation evaluation_from_json(const nlohmann::json& json);

/// One JSON object; numbers have 6 significant digits, NaN is null, pictures are base64.
nlohmann::ordered_json to_json(const Cell& cell);

/// The reverse. What is no such object is an Error (exit 1) that names `file`.
Cell cell_from_json(const nlohmann::json& json, const std::filesystem::path& file);

}  // namespace loopline::report
