#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <set>

#include "loopline/core/base64.h"
#include "page_sections.h"
#include "page_table.h"

namespace loopline::report::page {
namespace {

constexpr std::size_t kMostFailures = 8;  // of an arm
constexpr int kSmallWidth = 64;           // pixels; below, pictures are enlarged without blur
constexpr int kWallWidth = 96, kFailureWidth = 128;  // as shown

std::uint32_t big_endian(const std::string& bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = at; i < at + 4; ++i) {
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

/// Small pictures grow by whole factors, large ones shrink.
std::string picture(const std::string& png, const std::string& prompt, int shown_width) {
  if (png.size() < 24 || png.compare(1, 3, "PNG") != 0) return element("span", "no picture");
  const auto side = [&](std::size_t at) {
    return static_cast<double>(std::clamp<std::uint32_t>(big_endian(png, at), 1, 1 << 16));
  };
  const double width = side(16), height = side(20);
  const bool small = width < kSmallWidth;
  const double fit = shown_width / width;
  const double zoom = small ? std::max(1.0, std::floor(fit)) : fit;
  const auto pixels = [&](double length) {
    return std::to_string(static_cast<int>(std::max(1.0, std::round(length * zoom))));
  };
  return std::string("<img") + (small ? " class=\"small\"" : "") + " width=\"" + pixels(width) +
         "\" height=\"" + pixels(height) + "\" alt=\"" + escape(prompt) +
         "\" src=\"data:image/png;base64," + base64_encode(png) + "\">";
}

/// An arm's first seed that kept a wall.
const Wall* wall_of(const std::vector<Cell>& cells, const std::string& arm) {
  for (const Cell& cell : cells) {
    if (cell.arm == arm && !cell.wall.prompts.empty() && !cell.wall.images.empty()) {
      return &cell.wall;
    }
  }
  return nullptr;
}

struct ArmPictures {
  std::string name;
  int colour = -1;
};

/// The base model, the arms of the report, then arms that are only in the cells.
std::vector<ArmPictures> arms_of(const Json& report, const std::vector<Cell>& cells) {
  std::vector<ArmPictures> arms;
  const std::vector<Row> rows = arm_rows(report, "");
  const auto is_known = [&](const std::string& name) {
    return std::any_of(arms.begin(), arms.end(),
                       [&](const ArmPictures& arm) { return arm.name == name; });
  };
  for (const Cell& cell : cells) {
    if (cell.group == "base" && !is_known(cell.arm)) arms.push_back({cell.arm, -1});
  }
  for (const Row& row : rows) arms.push_back({row.name, row.colour});
  int unlisted = static_cast<int>(rows.size());
  for (const Cell& cell : cells) {
    if (!is_known(cell.arm)) arms.push_back({cell.arm, unlisted++});
  }
  return arms;
}

/// A row of pictures: one prompt of one run through training.
struct Strip {
  std::string label;  ///< markup
  const Wall* wall = nullptr;
  std::string prompt;
};

struct WallOfArm {
  ArmPictures arm;
  const Wall* wall = nullptr;
};

bool shows(const Wall& wall, const std::string& prompt) {
  return std::find(wall.prompts.begin(), wall.prompts.end(), prompt) != wall.prompts.end();
}

/// The PNG bytes of a strip at a stage, null where the run kept none then.
const std::string* picture_at(const Strip& strip, std::int64_t images) {
  const Wall& wall = *strip.wall;
  const auto column = static_cast<std::size_t>(
      std::find(wall.images.begin(), wall.images.end(), images) - wall.images.begin());
  const auto row = static_cast<std::size_t>(
      std::find(wall.prompts.begin(), wall.prompts.end(), strip.prompt) - wall.prompts.begin());
  if (column >= wall.pictures.size() || row >= wall.pictures[column].size()) return nullptr;
  return &wall.pictures[column][row];
}

/// Strips below each other, equal stages in one column.
std::string strip_table(const std::string& caption, const std::vector<Strip>& strips,
                        const std::set<std::int64_t>& stages) {
  std::string head = heading("images trained on"), body;
  for (const std::int64_t images : stages) {
    head += heading(count(static_cast<double>(images)));
  }
  for (const Strip& strip : strips) {
    std::string cells = element("th", "scope=\"row\"", strip.label);
    for (const std::int64_t images : stages) {
      const std::string* png = picture_at(strip, images);
      cells += element("td", png != nullptr ? picture(*png, strip.prompt, kWallWidth) : "");
    }
    body += element("tr", cells) + "\n";
  }
  return table("class=\"wall\"", caption, element("tr", head), body);
}

/// Columns that tell arms apart: where each began and ended, and what at least half of them kept in
/// between. An arm of more iterations has stages of its own, which would be columns full of gaps.
std::set<std::int64_t> shown_stages(const std::vector<WallOfArm>& walls) {
  std::map<std::int64_t, std::size_t> arms;  // that have it
  std::set<std::int64_t> stages;
  for (const WallOfArm& wall : walls) {
    for (const std::int64_t images : wall.wall->images) ++arms[images];
    const auto [first, last] =
        std::minmax_element(wall.wall->images.begin(), wall.wall->images.end());
    stages.insert({*first, *last});
  }
  for (const auto& [images, count] : arms) {
    if (2 * count >= walls.size()) stages.insert(images);
  }
  return stages;
}

/// One table a prompt with the arms below each other; of a single arm one table with its prompts.
std::string strip_tables(const std::vector<WallOfArm>& walls,
                         const std::vector<std::string>& prompts) {
  const std::set<std::int64_t> stages = shown_stages(walls);
  std::vector<Strip> strips;
  if (walls.size() == 1) {
    for (const std::string& prompt : prompts) {
      strips.push_back({element("bdi", escape(prompt)), walls.front().wall, prompt});
    }
    return strip_table(arm_label(walls.front().arm.name, walls.front().arm.colour), strips, stages);
  }
  std::string tables;
  for (const std::string& prompt : prompts) {
    strips.clear();
    for (const auto& [arm, wall] : walls) {
      if (shows(*wall, prompt)) strips.push_back({arm_label(arm.name, arm.colour), wall, prompt});
    }
    tables += strip_table(element("bdi", escape(prompt)), strips, stages);
  }
  return element("div", "class=\"walls\"", "\n" + tables);
}

double score_of(const Failure& failure, const std::string& metric) {
  const auto score = failure.scores.find(metric);
  if (score == failure.scores.end() || !std::isfinite(score->second)) {
    return std::numeric_limits<double>::infinity();
  }
  return score->second;
}

/// Over all seeds, by the headline metric; ties stay as each run judged them.
std::vector<const Failure*> worst_of(const std::vector<Cell>& cells, const std::string& arm,
                                     const std::string& metric) {
  std::vector<const Failure*> worst;
  for (const Cell& cell : cells) {
    if (cell.arm != arm) continue;
    for (const Evaluation& evaluation : cell.evaluations) {
      if (evaluation.name != "default") continue;
      for (const Failure& failure : evaluation.failures) worst.push_back(&failure);
    }
  }
  std::stable_sort(worst.begin(), worst.end(), [&](const Failure* a, const Failure* b) {
    return score_of(*a, metric) < score_of(*b, metric);
  });
  if (worst.size() > kMostFailures) worst.resize(kMostFailures);
  return worst;
}

/// Three decimals, none where the value is whole: most components are 0 or 1.
std::string score_text(double value) {
  const double rounded = std::round(value * 1000) / 1000;
  return decimal(rounded, rounded == std::floor(rounded) ? 0 : 3);
}

/// The headline metric, by which it is among the worst, comes first.
std::string failure_figure(const Failure& failure, const std::string& metric) {
  std::string headline, others;
  for (const auto& [name, value] : failure.scores) {
    if (!std::isfinite(value)) continue;
    (name == metric ? headline : others) +=
        element("span", breakable(name)) + element("b", score_text(value));
  }
  std::string caption =
      element("bdi", escape(failure.prompt)) + element("small", escape(failure.split));
  if (!headline.empty() || !others.empty()) {
    caption += element("small", "class=\"scores\"", headline + others);
  }
  return element("figure", picture(failure.picture, failure.prompt, kFailureWidth) +
                               element("figcaption", caption)) +
         "\n";
}

}  // namespace

std::string wall_section(const Json& report, const std::vector<Cell>& cells) {
  std::vector<WallOfArm> walls;
  std::vector<std::string> prompts;
  for (const ArmPictures& arm : arms_of(report, cells)) {
    const Wall* wall = wall_of(cells, arm.name);
    if (wall == nullptr) continue;
    walls.push_back({arm, wall});
    for (const std::string& prompt : wall->prompts) {
      if (std::find(prompts.begin(), prompts.end(), prompt) == prompts.end()) {
        prompts.push_back(prompt);
      }
    }
  }
  if (walls.empty()) return "";
  return element(
             "p",
             "Along a row all pictures are drawn from the same noise: what changes is the model "
             "alone. Of each arm the first seed that kept pictures, at the stages that most "
             "arms have.") +
         strip_tables(walls, prompts);
}

std::string failures_section(const Json& report, const std::vector<Cell>& cells) {
  const std::string metric = text(find(report, {"metric"}));
  std::string content;
  for (const ArmPictures& arm : arms_of(report, cells)) {
    std::string figures;
    for (const Failure* failure : worst_of(cells, arm.name, metric)) {
      figures += failure_figure(*failure, metric);
    }
    if (figures.empty()) continue;
    content += element("h3", arm_label(arm.name, arm.colour)) +
               element("div", "class=\"gallery\"", "\n" + figures);
  }
  if (content.empty()) return "";
  return element("p", "The lowest " + element("code", escape(metric)) +
                          " of the evaluations, over all seeds of an arm: at most " +
                          std::to_string(kMostFailures) + " of each.") +
         content;
}

}  // namespace loopline::report::page
