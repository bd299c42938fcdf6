#include "loopline/train/tensorboard_log.h"

#include <cmath>
#include <limits>
#include <sstream>
#include <string_view>
#include <vector>

namespace loopline::train {
namespace {

/// Protocol buffers with broken UTF-8 in a string cannot be read; metrics.jsonl replaces it alike.
std::string valid_utf8(const std::string& text) {
  using nlohmann::json;
  const std::string dumped = json(text).dump(-1, ' ', false, json::error_handler_t::replace);
  return json::parse(dumped).get<std::string>();
}

void add_numbers(io::EventFile& file, const nlohmann::json& line, std::string_view left_out) {
  std::vector<io::Scalar> scalars;
  for (const auto& [key, value] : line.items()) {
    if (key == "iteration" || key == left_out || !value.is_number()) continue;
    const double number = value.get<double>();
    if (!(std::abs(number) <= std::numeric_limits<float>::max())) continue;  // NaN as well
    scalars.push_back({valid_utf8(key), static_cast<float>(number)});
  }
  file.scalars(line.at("iteration").get<std::int64_t>(), scalars);
}

}  // namespace

TensorBoardLog::TensorBoardLog(const std::filesystem::path& directory, std::int64_t begin)
    : begin_(begin), file_(directory) {
  file_.session_start(begin);
}

void TensorBoardLog::config(const std::string& yaml) {
  std::istringstream lines(valid_utf8(yaml));
  std::string markdown;
  // Indented and not fenced: a fence could stand in the text.
  for (std::string line; std::getline(lines, line);) markdown += "    " + line + "\n";
  file_.text(begin_, "config", markdown);
}

void TensorBoardLog::metrics(const nlohmann::json& line) { add_numbers(file_, line, ""); }

void TensorBoardLog::evaluation(const nlohmann::json& line) {
  add_numbers(file_, line, "images/total");
}

void TensorBoardLog::grid(std::int64_t iteration, const std::filesystem::path& png) {
  file_.png(iteration, "samples", png);
}

}  // namespace loopline::train
