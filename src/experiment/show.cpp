#include "loopline/experiment/show.h"

#include <algorithm>
#include <limits>

#include "loopline/core/error.h"
#include "loopline/core/text.h"
#include "loopline/io/image.h"
#include "loopline/run/metrics.h"
#include "loopline/run/run_directory.h"

namespace loopline::experiment {
namespace {

using nlohmann::json;

/// Invalid samples have no value: the worst there is.
double value_of(const json& line, const std::string& key) {
  const json& value = line.at(key);
  return value.is_number() ? value.get<double>() : -std::numeric_limits<double>::infinity();
}

void check_key(const json& line, const std::string& key) {
  std::vector<std::string> known;
  for (const auto& [name, value] : line.items()) {
    if (value.is_number() || value.is_null()) known.push_back(name);
  }
  if (std::find(known.begin(), known.end(), key) != known.end()) return;
  const std::string near = nearest_name(key, known);
  throw Error("--by", "the sample log has no number \"" + key + "\"",
              near.empty() ? "it has " + join(known) : "did you mean " + near + "?");
}

/// Sorts, and keeps the first `count`.
void keep_first(std::vector<json>& lines, const ShowRequest& request) {
  if (request.best) {
    std::erase_if(lines, [&](const json& line) { return !line.at(request.by).is_number(); });
  }
  std::stable_sort(lines.begin(), lines.end(), [&](const json& a, const json& b) {
    const double left = value_of(a, request.by), right = value_of(b, request.by);
    return request.best ? left > right : left < right;
  });
  if (static_cast<std::int64_t>(lines.size()) > request.count) {
    lines.resize(static_cast<std::size_t>(request.count));
  }
}

}  // namespace

std::vector<json> show_samples(const ShowRequest& request) {
  const auto directory = run::RunDirectory::open(request.run);
  if (!std::filesystem::exists(directory.sample_log())) {
    throw Error(request.run.string(), "has no samples.jsonl",
                "its config has sample_log.every: 0, or no iteration is finished yet");
  }
  std::vector<json> lines;
  std::optional<std::int64_t> latest;
  bool checked = false;
  // A long log is pruned on the way, so that memory does not grow with it.
  const std::size_t prune_at = 4096 + 2 * static_cast<std::size_t>(request.count);
  run::MetricsLog::visit(directory.sample_log(), [&](json line) {
    if (!checked) check_key(line, request.by);
    checked = true;
    const auto iteration = line.at("iteration").get<std::int64_t>();
    if (request.iteration && iteration != *request.iteration) return;
    if (!request.all && latest && iteration > *latest) lines.clear();
    latest = iteration;
    lines.push_back(std::move(line));
    if (lines.size() >= prune_at) keep_first(lines, request);
  });
  if (lines.empty()) {
    throw Error(request.run.string(), request.iteration ? "has no logged samples of iteration " +
                                                              std::to_string(*request.iteration)
                                                        : "has no logged samples yet");
  }
  keep_first(lines, request);
  return lines;
}

void draw_samples(const std::filesystem::path& run, const std::vector<json>& lines, int columns,
                  int zoom, const std::filesystem::path& png) {
  std::vector<io::Image> images;
  for (const json& line : lines) {
    if (!line.contains("picture")) {
      throw Error(run.string(), "kept no pictures of these samples",
                  "train with --set sample_log.pictures=true");
    }
    images.push_back(io::read_image(run / line.at("picture").get<std::string>()));
  }
  io::write_png(png, io::image_grid(images, columns, zoom));
}

}  // namespace loopline::experiment
