#include <algorithm>
#include <system_error>

#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/io/json.h"
#include "loopline/report/run_cell.h"

namespace loopline::report {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEvaluationFormat = "loopline-evaluation";
constexpr int kEvaluationVersion = 1;
constexpr const char* kDefaultName = "default";
constexpr std::uint64_t kMaxFileBytes = 256 << 20;

fs::path folder(const fs::path& run) { return run / "evaluation"; }

SavedEvaluation read_saved(const fs::path& file) {
  const nlohmann::json json = io::parse_json(read_file(file, kMaxFileBytes), file.string());
  if (!json.is_object() || json.value("format", "") != kEvaluationFormat ||
      json.value("version", 0) != kEvaluationVersion) {
    throw failure(file.string(), "is not what `evaluate --save` of this version writes",
                  "remove it");
  }
  const auto part = [&](const char* name) -> std::optional<Evaluation> {
    const nlohmann::json& value = json.at(name);
    if (value.is_null()) return std::nullopt;
    return evaluation_from_json(value);
  };
  try {
    return {json.at("iteration").get<std::int64_t>(), part("trained"), part("base")};
  } catch (const nlohmann::json::exception& error) {
    throw failure(file.string(), std::string("is damaged: ") + error.what(), "remove it");
  }
}

}  // namespace

void save_evaluation(const fs::path& run, const std::string& name,
                     const SavedEvaluation& evaluation) {
  const fs::path file = folder(run) / (name + ".json");
  make_directories(file.parent_path());
  const auto or_null = [](const std::optional<Evaluation>& part) {
    return part ? to_json(*part) : nlohmann::ordered_json();
  };
  const nlohmann::ordered_json json{{"format", kEvaluationFormat},
                                    {"version", kEvaluationVersion},
                                    {"iteration", evaluation.iteration},
                                    {"trained", or_null(evaluation.trained)},
                                    {"base", or_null(evaluation.base)}};
  write_file_atomically(file, json.dump() + "\n");
}

std::vector<SavedEvaluation> saved_evaluations(const fs::path& run) {
  std::vector<fs::path> files;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(folder(run), absent)) {
    const bool whole = !is_temporary(entry.path());
    if (whole && entry.path().extension() == ".json") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end(), [](const fs::path& a, const fs::path& b) {
    const bool first = a.stem() == kDefaultName, second = b.stem() == kDefaultName;
    return first != second ? first : a < b;
  });
  std::vector<SavedEvaluation> evaluations;
  for (const fs::path& file : files) evaluations.push_back(read_saved(file));
  return evaluations;
}

}  // namespace loopline::report
