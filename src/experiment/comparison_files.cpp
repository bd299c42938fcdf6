#include "comparison_files.h"

#include <system_error>

#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/io/json.h"
#include "loopline/report/run_cell.h"
#include "loopline/run/run_directory.h"

namespace loopline::experiment {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kMarkerFormat = "loopline-comparison";
constexpr int kMarkerVersion = 1;
constexpr std::uint64_t kMaxRecordBytes = 256 << 20;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

}  // namespace

bool has_marker(const ComparisonFiles& files) { return is_there(files.marker()); }

void write_marker(const ComparisonFiles& files, const Marker& marker) {
  const report::Subject& subject = marker.subject;
  Json json{{"format", kMarkerFormat},
            {"version", kMarkerVersion},
            {"subject",
             {{"title", subject.title},
              {"metric", subject.metric},
              {"split", subject.split},
              {"target", subject.target ? Json(*subject.target) : Json()},
              {"window", subject.window},
              {"tuning", subject.tuning}}},
            {"cells", Json::array()}};
  for (const CellPlan& cell : marker.cells) {
    json["cells"].push_back({{"cell", cell.name}, {"arm", cell.arm}, {"group", cell.group}});
  }
  write_file_atomically(files.marker(), json.dump(1) + "\n");
}

Marker read_marker(const ComparisonFiles& files) {
  const std::string file = files.marker().string();
  const nlohmann::json json = io::parse_json(read_file(file, kMaxRecordBytes), file);
  if (!json.is_object() || json.value("format", "") != kMarkerFormat ||
      json.value("version", 0) != kMarkerVersion) {
    throw failure(file, "is not what `loopline compare` of this version writes");
  }
  try {
    const nlohmann::json& subject = json.at("subject");
    Marker marker{{.title = subject.at("title").get<std::string>(),
                   .metric = subject.at("metric").get<std::string>(),
                   .split = subject.at("split").get<std::string>(),
                   .window = subject.at("window").get<std::int64_t>(),
                   .tuning = subject.at("tuning")},
                  {}};
    if (subject.at("target").is_number()) marker.subject.target = subject["target"].get<double>();
    for (const nlohmann::json& cell : json.at("cells")) {
      CellPlan& plan = marker.cells.emplace_back();
      plan.name = cell.at("cell").get<std::string>();
      plan.arm = cell.at("arm").get<std::string>();
      plan.group = cell.at("group").get<std::string>();
    }
    return marker;
  } catch (const nlohmann::json::exception& error) {
    throw failure(file, std::string("is damaged: ") + error.what(),
                  "`loopline compare` writes it again");
  }
}

std::optional<report::Cell> read_record(const ComparisonFiles& files, const std::string& cell) {
  const fs::path file = files.record(cell);
  if (!is_there(file)) return std::nullopt;
  return report::cell_from_json(io::parse_json(read_file(file, kMaxRecordBytes), file.string()),
                                file);
}

void write_record(const ComparisonFiles& files, const report::Cell& cell) {
  write_file_atomically(files.record(cell.name), report::to_json(cell).dump() + "\n");
}

std::vector<report::Cell> gather(const std::vector<CellPlan>& plans, const ComparisonFiles& files) {
  std::vector<report::Cell> cells;
  if (auto base = read_record(files, kBase)) cells.push_back(std::move(*base));
  for (const CellPlan& plan : plans) {
    auto cell = read_record(files, plan.name);
    if (!cell && run::RunDirectory::is_run(files.run(plan.name))) {
      cell = report::cell_of_run(files.run(plan.name));
      cell->finished = false;
    }
    if (!cell) continue;
    cell->name = plan.name;
    cell->arm = plan.arm;
    cell->group = plan.group;
    cells.push_back(std::move(*cell));
  }
  return cells;
}

}  // namespace loopline::experiment
