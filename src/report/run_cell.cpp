#include "loopline/report/run_cell.h"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <sstream>
#include <system_error>

#include "loopline/config/config_tree.h"
#include "loopline/core/files.h"
#include "loopline/core/text.h"
#include "loopline/io/image.h"
#include "loopline/io/json.h"
#include "loopline/io/prompt.h"
#include "loopline/run/metrics.h"
#include "loopline/run/run_directory.h"

namespace loopline::report {
namespace {

namespace fs = std::filesystem;
using config::ConfigTree;

constexpr std::size_t kWallColumns = 5;

/// "/home/ann/models/emoji/judge" -> "emoji/judge", in each word: whose machine it was is no
/// setting.
std::string without_folders(const std::string& text) {
  std::istringstream words(text);
  std::vector<std::string> kept;
  for (std::string word; words >> word;) {
    const fs::path path = word;
    if (path.is_absolute() && path.has_parent_path()) {
      word = (path.parent_path().filename() / path.filename()).string();
    }
    kept.push_back(word);
  }
  return join(kept, " ");
}

std::string value_text(const ConfigTree& value) {
  if (value.kind == ConfigTree::Kind::kScalar) return without_folders(value.scalar);
  if (value.kind != ConfigTree::Kind::kList) return "null";
  std::vector<std::string> parts;
  for (const ConfigTree& part : value.list) parts.push_back(value_text(part));
  return std::string("[") + join(parts) + "]";
}

void flatten(const ConfigTree& tree, const std::string& path,
             std::vector<std::pair<std::string, std::string>>& settings) {
  for (const auto& [key, value] : tree.map) {
    const std::string name = path.empty() ? key : path + "." + key;
    if (value.kind == ConfigTree::Kind::kMap) {
      flatten(value, name, settings);
    } else {
      settings.emplace_back(name, value_text(value));
    }
  }
}

const ConfigTree* find(const ConfigTree& tree, const std::string& section, const std::string& key) {
  const ConfigTree* map = tree.find(section);
  return map == nullptr ? nullptr : map->find(key);
}

std::int64_t whole_number(const ConfigTree* value, std::int64_t otherwise = 0) {
  return value == nullptr || value->kind != ConfigTree::Kind::kScalar
             ? otherwise
             : std::strtoll(value->scalar.c_str(), nullptr, 10);
}

bool is_kept(const std::string& metric) {
  const auto starts = [&](const char* prefix) { return metric.starts_with(prefix); };
  if (metric.ends_with("_std")) return false;
  return metric == "reward/mean" || metric == "kl/nats" || metric == "image/diversity" ||
         metric == "optim/grad_norm" || starts("judge/") || starts("watch/") ||
         starts("policy/clip_fraction");
}

double seconds_of(const nlohmann::json& line) {
  double seconds = 0;  // judging overlaps with the rollout, and is part of its time
  for (const char* part :
       {"time/rollout_s", "time/reference_s", "time/gradient_signal_s", "time/update_s"}) {
    if (line.contains(part) && line[part].is_number()) seconds += line[part].get<double>();
  }
  return seconds;
}

void read_curve(const fs::path& metrics, Cell& cell) {
  constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
  Curve& curve = cell.curve;
  run::MetricsLog::visit(metrics, [&](const nlohmann::json& line) {
    const std::size_t before = curve.images.size();
    const auto add = [](std::vector<double>& sums, double value) {
      sums.push_back((sums.empty() ? 0 : sums.back()) + value);
    };
    curve.images.push_back(line.value("images/total", kMissing));
    add(curve.updates, line.value("policy/updates", 0.0));
    add(curve.seconds, seconds_of(line));
    for (const auto& [name, value] : line.items()) {
      if (!is_kept(name)) continue;
      auto& values = curve.metrics[name];
      values.resize(before, kMissing);
      values.push_back(value.is_number() ? value.get<double>() : kMissing);
    }
    for (auto& [name, values] : curve.metrics) values.resize(before + 1, kMissing);
  });
}

/// The judges' components in the order of the log.
std::vector<std::string> judge_names(const fs::path& metrics) {
  std::vector<std::string> names;
  std::error_code absent;
  if (!fs::exists(metrics, absent)) return names;
  const std::string text = read_file(metrics);
  const auto line =
      nlohmann::ordered_json::parse(text.substr(0, text.find('\n')), nullptr, /*throws=*/false);
  if (!line.is_object()) return names;
  for (const auto& [name, value] : line.items()) {
    if (name.starts_with("judge/") && !name.ends_with("_std")) names.push_back(name.substr(6));
  }
  return names;
}

/// The iterations whose grids were kept, ascending, thinned to kWallColumns with both ends.
std::vector<std::int64_t> wall_iterations(const fs::path& samples) {
  std::vector<std::int64_t> all;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(samples, absent)) {
    long long iteration = 0;
    if (std::sscanf(entry.path().filename().c_str(), "iteration_%lld.png", &iteration) == 1) {
      all.push_back(iteration);
    }
  }
  std::sort(all.begin(), all.end());
  if (all.size() <= kWallColumns) return all;
  std::vector<std::int64_t> kept;
  for (std::size_t i = 0; i < kWallColumns; ++i) {
    kept.push_back(all[(i * (all.size() - 1) + (kWallColumns - 1) / 2) / (kWallColumns - 1)]);
  }
  return kept;
}

/// The first image of each prompt in each grid. What is not there any more leaves no wall.
Wall read_wall(const run::RunDirectory& run, const ConfigTree& config) {
  Wall wall;
  const ConfigTree* prompts = config.find("prompts");
  std::error_code absent;
  if (prompts == nullptr || !fs::exists(prompts->scalar, absent)) return wall;
  std::vector<io::Prompt> all = io::read_prompts(prompts->scalar);
  const std::int64_t limit = whole_number(find(config, "rollout", "prompt_limit"), INT64_MAX);
  if (static_cast<std::int64_t>(all.size()) > limit) all.resize(static_cast<std::size_t>(limit));
  for (const io::Prompt& prompt :
       io::spread(all, whole_number(find(config, "samples", "prompts")))) {
    wall.prompts.push_back(prompt.text);
  }
  const int columns = static_cast<int>(whole_number(find(config, "samples", "per_prompt"), 1));
  const int zoom = static_cast<int>(whole_number(find(config, "samples", "zoom"), 1));
  const int rows = static_cast<int>(wall.prompts.size());
  for (const std::int64_t iteration : wall_iterations(run.samples())) {
    char name[40];
    std::snprintf(name, sizeof name, "iteration_%06lld.png", static_cast<long long>(iteration));
    const io::Image grid = io::read_image(run.samples() / name);
    std::vector<std::string> column;
    for (int row = 0; row < rows; ++row) {
      column.push_back(io::encode_png(
          io::shrink(io::image_of_grid(grid, columns, rows, row * columns, zoom), kPictureWidth)));
    }
    wall.images.push_back(iteration * whole_number(find(config, "rollout", "images")));
    wall.pictures.push_back(std::move(column));
  }
  return wall;
}

nlohmann::ordered_json versions_of(const run::RunDirectory& run) {
  const nlohmann::json json = io::parse_json(read_file(run.run_json()), run.run_json().string());
  nlohmann::ordered_json versions = nlohmann::ordered_json::object();
  for (const char* key : {"loopline", "torch", "compiler"}) {
    if (json.contains(key)) versions[key] = json[key];
  }
  return versions;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> settings_of(const ConfigTree& config) {
  std::vector<std::pair<std::string, std::string>> settings;
  flatten(config, "", settings);
  return settings;
}

Cell cell_of_run(const fs::path& path) {
  const auto run = run::RunDirectory::open(path);
  const ConfigTree config = config::load_config(run.config());
  Cell cell;
  cell.name = cell.arm = fs::weakly_canonical(path).filename().string();
  cell.seed = whole_number(config.find("seed"));
  cell.steps_per_image = whole_number(find(config, "sampler", "steps"));
  cell.settings = settings_of(config);
  cell.versions = versions_of(run);
  cell.judges = judge_names(run.metrics());
  read_curve(run.metrics(), cell);
  const auto iterations = static_cast<std::int64_t>(cell.curve.images.size());
  cell.finished = iterations > 0 && iterations >= whole_number(config.find("iterations"));
  for (const SavedEvaluation& saved : saved_evaluations(path)) {
    if (saved.trained && saved.iteration == iterations) {
      cell.evaluations.push_back(*saved.trained);
    }
  }
  cell.wall = read_wall(run, config);
  return cell;
}

}  // namespace loopline::report
