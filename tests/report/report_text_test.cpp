#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "loopline/report/summary.h"
#include "report/plain_cells.h"
#include "report/synthetic_cells.h"

namespace loopline::report {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// The line that starts with a name.
std::string line_of(const std::string& text, const std::string& name) {
  for (const std::string& line : lines_of(text)) {
    if (line.starts_with(name + " ")) return line;
  }
  return "";
}

/// Words of that line, without runs of spaces.
std::string words_of(const std::string& text, const std::string& name) {
  std::istringstream stream(line_of(text, name));
  std::string words;
  for (std::string word; stream >> word;) words += (words.empty() ? "" : " ") + word;
  return words;
}

/// Two arms with numbers that are easy to see.
std::vector<Cell> two_arms() {
  std::vector<Cell> cells = {plain_cell("base", 0, {.2, .3})};
  for (const std::string arm : {"good", "poor"}) {
    for (std::int64_t seed = 0; seed < 2; ++seed) {
      const double score = arm == "good" ? .75 : .25;
      cells.push_back(plain_cell(arm, seed, {score, score}));
      cells.back().curve = plain_curve("judge/oracle", {0, score, score});
      for (double& images : cells.back().curve.images) images *= 10;
      cells.back().curve.seconds = {30, 60, 90};
    }
  }
  return cells;
}

TEST(TerminalText, TellsEveryNumberOfAnArm) {
  const std::string text = terminal_text(summarize(two_arms(), {.target = .5, .window = 1}), 120);
  EXPECT_EQ(words_of(text, "algorithm"),
            "algorithm seeds images updates oracle gain IQM AUC to 0.5 minutes");
  EXPECT_EQ(words_of(text, "base"), "base 0 0 0.250 [0.200, 0.300]");
  EXPECT_EQ(words_of(text, "good"),
            "good * 2 3,000 6 0.750 [0.750, 0.750] +0.500 0.750 0.562 1,667 1.5");
  EXPECT_EQ(words_of(text, "poor"),
            "poor 2 3,000 6 0.250 [0.250, 0.250] +0.000 0.250 0.188 >3,000 1.5");
}

TEST(TerminalText, MarksNoneWhereNoneIsBest) {
  const std::string text = terminal_text(summarize(synthetic_cells(), {}));
  EXPECT_THAT(text, Not(HasSubstr("*")));
}

TEST(TerminalText, AlignsColumnsAndKeepsToTheWidth) {
  const Json report = summarize(synthetic_cells(), {});
  for (const int columns : {70, 80, 100, 140}) {
    const std::vector<std::string> lines = lines_of(terminal_text(report, columns));
    for (const std::string& line : lines) {
      EXPECT_LE(line.size(), static_cast<std::size_t>(columns)) << line;
    }
    // The last column, minutes, ends where its heading does in every row.
    std::size_t rows = 0;
    for (const std::string& line : lines) {
      if (line.find("3,840  ") == std::string::npos) continue;
      EXPECT_EQ(line.size(), lines.front().size()) << line;
      ++rows;
    }
    EXPECT_EQ(rows, 4U);
  }
  EXPECT_THAT(terminal_text(report, 140), HasSubstr("IQM"));
  EXPECT_THAT(terminal_text(report, 80), Not(HasSubstr("IQM")));
  EXPECT_THAT(terminal_text(report, 80), HasSubstr("oracle_joint"));
}

TEST(TerminalText, UpdatesStandInATableOfTheirOwn) {
  const std::string text = terminal_text(summarize(synthetic_cells(), {}));
  const std::size_t heading = text.find("\nAt equal updates:\nalgorithm ");
  ASSERT_NE(heading, std::string::npos);
  EXPECT_GT(text.find("\nreinforce-updates "), heading);
  EXPECT_LT(text.find("\nreinforce "), heading);
}

TEST(TerminalText, EndsWithTheFindings) {
  const Json report = summarize(synthetic_cells(), {});
  std::string flat = terminal_text(report, 60);
  std::replace(flat.begin(), flat.end(), '\n', ' ');
  for (const Json& finding : report["findings"]) {
    EXPECT_THAT(flat, HasSubstr(finding.get<std::string>()));
  }
}

TEST(TerminalText, NeedsNoFinishedRunNorBaseNorSeeds) {
  EXPECT_THAT(terminal_text(summarize({}, {})), StartsWith("No run has finished"));
  std::vector<Cell> cells = two_arms();
  cells = {cells[1], cells[3]};
  const std::string text = terminal_text(summarize(cells, {}), 120);
  EXPECT_EQ(words_of(text, "good"), "good 1 3,000 6 0.750 - 0.750 0.562 - 1.5");
}

TEST(Csv, HasOneLineAnArmConditionSplitAndMetric) {
  const Json report = summarize(synthetic_cells(), {});
  const std::vector<std::string> lines = lines_of(to_csv(report));
  EXPECT_EQ(lines.size(), 1U + 5 * 2 * 2 * 4);
  EXPECT_EQ(lines[0],
            "algorithm,group,condition,split,metric,mean,low,high,gain_mean,gain_low,gain_high");
  const auto of = [&](const std::string& start) {
    return *std::find_if(lines.begin(), lines.end(),
                         [&](const std::string& line) { return line.starts_with(start); });
  };
  const Json& score =
      report["algorithms"]["ppo"]["conditions"]["deterministic"]["held_out"]["swap_rate"];
  const Json& gain = score["gain"];
  EXPECT_EQ(of("ppo,main,deterministic,held_out,swap_rate,"),
            "ppo,main,deterministic,held_out,swap_rate," + score["mean"].dump() + "," +
                score["low"].dump() + "," + score["high"].dump() + "," + gain["mean"].dump() + "," +
                gain["low"].dump() + "," + gain["high"].dump());
  EXPECT_THAT(of("base,base,default,rl,reward,"), ::testing::EndsWith(",,,"));
  for (const std::string& line : lines) {
    EXPECT_EQ(std::count(line.begin(), line.end(), ','), 10) << line;
  }
}

TEST(Csv, QuotesNamesAndLeavesAbsentNumbersEmpty) {
  const std::vector<Cell> cells = {plain_cell("a,\"b\"", 1, {.5, .25})};
  EXPECT_EQ(lines_of(to_csv(summarize(cells, {})))[1],
            "\"a,\"\"b\"\"\",main,default,rl,oracle,0.375,,,,,");
}

}  // namespace
}  // namespace loopline::report
