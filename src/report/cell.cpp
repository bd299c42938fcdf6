#include "loopline/report/cell.h"

#include <limits>

#include "json_number.h"
#include "loopline/core/base64.h"
#include "loopline/core/error.h"

namespace loopline::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kCellFormat = "loopline-cell";
constexpr int kCellVersion = 1;

Json numbers(const std::map<std::string, std::vector<double>>& metrics) {
  Json object = Json::object();
  for (const auto& [name, values] : metrics) object[name] = json_numbers(values);
  return object;
}

double number(const nlohmann::json& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

std::vector<double> read_numbers(const nlohmann::json& list) {
  std::vector<double> values;
  for (const nlohmann::json& value : list) values.push_back(number(value));
  return values;
}

std::map<std::string, std::vector<double>> read_metrics(const nlohmann::json& object) {
  std::map<std::string, std::vector<double>> metrics;
  for (const auto& [name, values] : object.items()) metrics[name] = read_numbers(values);
  return metrics;
}

Json to_json(const Curve& curve) {
  return {{"images", json_numbers(curve.images)},
          {"updates", json_numbers(curve.updates)},
          {"seconds", json_numbers(curve.seconds)},
          {"metrics", numbers(curve.metrics)}};
}

Curve read_curve(const nlohmann::json& json) {
  return {read_numbers(json.at("images")), read_numbers(json.at("updates")),
          read_numbers(json.at("seconds")), read_metrics(json.at("metrics"))};
}

Json to_json(const Failure& failure) {
  Json scores = Json::object();
  for (const auto& [name, value] : failure.scores) scores[name] = json_number(value);
  return {{"split", failure.split},
          {"prompt", failure.prompt},
          {"scores", std::move(scores)},
          {"picture", base64_encode(failure.picture)}};
}

Failure read_failure(const nlohmann::json& json) {
  Failure failure{.split = json.at("split").get<std::string>(),
                  .prompt = json.at("prompt").get<std::string>(),
                  .scores = {},
                  .picture = base64_decode(json.at("picture").get<std::string>())};
  for (const auto& [name, value] : json.at("scores").items()) failure.scores[name] = number(value);
  return failure;
}

Json to_json(const Wall& wall) {
  Json columns = Json::array();
  for (const std::vector<std::string>& column : wall.pictures) {
    Json pictures = Json::array();
    for (const std::string& picture : column) pictures.push_back(base64_encode(picture));
    columns.push_back(std::move(pictures));
  }
  return {{"prompts", wall.prompts}, {"images", wall.images}, {"pictures", std::move(columns)}};
}

Wall read_wall(const nlohmann::json& json) {
  Wall wall{json.at("prompts").get<std::vector<std::string>>(),
            json.at("images").get<std::vector<std::int64_t>>(),
            {}};
  for (const nlohmann::json& column : json.at("pictures")) {
    wall.pictures.emplace_back();
    for (const nlohmann::json& picture : column) {
      wall.pictures.back().push_back(base64_decode(picture.get<std::string>()));
    }
  }
  return wall;
}

void check_lengths(const Cell& cell, const std::filesystem::path& file) {
  const auto damaged = [&](const std::string& what) {
    throw failure(file.string(), what + " has not the length of its neighbours",
                  "remove the file to make it again");
  };
  const Curve& curve = cell.curve;
  const std::size_t iterations = curve.images.size();
  if (curve.updates.size() != iterations || curve.seconds.size() != iterations) damaged("a curve");
  for (const auto& [name, values] : curve.metrics) {
    if (values.size() != iterations) damaged("curve " + name);
  }
  for (const Evaluation& evaluation : cell.evaluations) {
    for (const SplitScores& split : evaluation.splits) {
      for (const auto& [name, values] : split.metrics) {
        if (values.size() != split.prompts.size()) damaged(split.name + "/" + name);
      }
    }
  }
  if (cell.wall.pictures.size() != cell.wall.images.size()) damaged("the picture wall");
  for (const auto& column : cell.wall.pictures) {
    if (column.size() != cell.wall.prompts.size()) damaged("a column of the picture wall");
  }
}

Cell read_cell(const nlohmann::json& json) {
  Cell cell;
  cell.name = json.at("cell").get<std::string>();
  cell.arm = json.at("arm").get<std::string>();
  cell.group = json.at("group").get<std::string>();
  cell.seed = json.at("seed").get<std::int64_t>();
  cell.finished = json.at("finished").get<bool>();
  cell.judges = json.at("judges").get<std::vector<std::string>>();
  cell.steps_per_image = json.at("steps_per_image").get<std::int64_t>();
  for (const nlohmann::json& setting : json.at("settings")) {
    cell.settings.emplace_back(setting.at(0).get<std::string>(), setting.at(1).get<std::string>());
  }
  cell.versions = json.at("versions");
  cell.curve = read_curve(json.at("curve"));
  for (const nlohmann::json& evaluation : json.at("evaluations")) {
    cell.evaluations.push_back(evaluation_from_json(evaluation));
  }
  cell.wall = read_wall(json.at("wall"));
  return cell;
}

}  // namespace

Json to_json(const Evaluation& evaluation) {
  Json json{{"name", evaluation.name},
            {"steps", evaluation.steps},
            {"eta", json_number(evaluation.eta)},
            {"guidance", json_number(evaluation.guidance)},
            {"images_per_prompt", evaluation.images_per_prompt},
            {"seed", evaluation.seed},
            {"splits", Json::array()},
            {"failures", Json::array()}};
  for (const SplitScores& split : evaluation.splits) {
    json["splits"].push_back(
        {{"name", split.name}, {"prompts", split.prompts}, {"metrics", numbers(split.metrics)}});
  }
  for (const Failure& failure : evaluation.failures) json["failures"].push_back(to_json(failure));
  return json;
}

Evaluation evaluation_from_json(const nlohmann::json& json) {
  Evaluation evaluation;
  evaluation.name = json.at("name").get<std::string>();
  evaluation.steps = json.at("steps").get<std::int64_t>();
  evaluation.eta = number(json.at("eta"));
  evaluation.guidance = number(json.at("guidance"));
  evaluation.images_per_prompt = json.at("images_per_prompt").get<std::int64_t>();
  evaluation.seed = json.at("seed").get<std::int64_t>();
  for (const nlohmann::json& split : json.at("splits")) {
    evaluation.splits.push_back({split.at("name").get<std::string>(),
                                 split.at("prompts").get<std::vector<std::string>>(),
                                 read_metrics(split.at("metrics"))});
  }
  for (const nlohmann::json& failure : json.at("failures")) {
    evaluation.failures.push_back(read_failure(failure));
  }
  return evaluation;
}

Json to_json(const Cell& cell) {
  Json json{{"format", kCellFormat},
            {"version", kCellVersion},
            {"cell", cell.name},
            {"arm", cell.arm},
            {"group", cell.group},
            {"seed", cell.seed},
            {"finished", cell.finished},
            {"judges", cell.judges},
            {"steps_per_image", cell.steps_per_image},
            {"settings", Json::array()},
            {"versions", cell.versions},
            {"curve", to_json(cell.curve)},
            {"evaluations", Json::array()},
            {"wall", to_json(cell.wall)}};
  for (const auto& [option, text] : cell.settings) {
    json["settings"].push_back(Json::array({option, text}));
  }
  for (const Evaluation& evaluation : cell.evaluations) {
    json["evaluations"].push_back(to_json(evaluation));
  }
  return json;
}

Cell cell_from_json(const nlohmann::json& json, const std::filesystem::path& file) {
  if (!json.is_object() || json.value("format", "") != kCellFormat) {
    throw failure(file.string(),
                  "is not what a run left for reports (\"" + std::string(kCellFormat) + "\")");
  }
  if (json.value("version", 0) != kCellVersion) {
    throw failure(file.string(), "was written by another version of loopline",
                  "remove the file to make it again");
  }
  try {
    Cell cell = read_cell(json);
    check_lengths(cell, file);
    return cell;
  } catch (const nlohmann::json::exception& error) {
    throw failure(file.string(), std::string("is damaged: ") + error.what(),
                  "remove the file to make it again");
  }
}

}  // namespace loopline::report
