#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loopline/report/summary.h"
#include "report/plain_cells.h"
#include "report/synthetic_cells.h"

namespace loopline::report {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> findings(const std::vector<Cell>& cells, const Subject& subject = {}) {
  return summarize(cells, subject)["findings"].get<std::vector<std::string>>();
}

/// Runs of an arm: a score of both prompts for every seed; 360 s and 200 images each.
void add(std::vector<Cell>& cells, const std::string& arm, const std::vector<double>& means) {
  for (std::size_t i = 0; i < means.size(); ++i) {
    cells.push_back(plain_cell(arm, static_cast<std::int64_t>(i), {means[i], means[i]}));
    if (arm == "base") continue;
    cells.back().curve = plain_curve("judge/oracle", {.3, means[i]});
    cells.back().curve.seconds = {180, 360};
  }
}

TEST(Findings, NameTheBestWhenItsIntervalIsAlone) {
  std::vector<Cell> cells;
  add(cells, "base", {.3});
  add(cells, "loop", {.70, .71, .72});
  add(cells, "ppo", {.50, .51, .52});
  EXPECT_EQ(summarize(cells, {})["best"], "loop");
  const auto text = findings(cells, {.target = .5, .window = 100});
  EXPECT_EQ(text[0],
            "loop has the highest oracle, 0.710 [0.700, 0.720] on rl, and its interval overlaps "
            "that of no other; the model before training has 0.300.");
  EXPECT_EQ(text[1], "With 3 seeds, bootstrap and t interval both show loop over ppo.");
  EXPECT_EQ(text[2],
            "A run took 200 images, as many reward queries and 6 min 00 s, all 6 together 0.6 "
            "hours; every run reached 0.5.");
}

TEST(Findings, TellADifferenceThatIsShownFromIntervalsThatOverlap) {
  std::vector<Cell> cells;
  add(cells, "loop", {.50, .60, .70});
  add(cells, "ppo", {.47, .57, .67});
  const auto text = findings(cells);
  EXPECT_THAT(text[0], HasSubstr("above every other when paired by seed and prompt, though its "
                                 "interval overlaps that of ppo."));
  EXPECT_THAT(text[1], HasSubstr("both show loop over ppo"));
}

TEST(Findings, SuggestWhatTheBootstrapAloneSees) {
  std::vector<Cell> cells;
  add(cells, "a", {.52, .53, .80});
  add(cells, "b", {.50, .50, .50});
  add(cells, "c", {.49, .51, .50});
  const auto text = findings(cells);
  // Percentiles alone would let it stand out: [.52, .80] against at most .51.
  EXPECT_EQ(
      text[0],
      "No algorithm stands out: a has the highest oracle, 0.617 [0.520, 0.800] on rl, but not "
      "every difference from the others is shown.");
  EXPECT_EQ(text[1],
            "With 3 seeds, the bootstrap alone, too narrow over so few seeds, suggests a over b "
            "and c; 1 of 3 differences is not shown.");
}

TEST(Findings, CountWhatIsNotShown) {
  std::vector<Cell> cells;
  add(cells, "a", {.4, .5, .6});
  add(cells, "b", {.6, .5, .4});
  EXPECT_EQ(findings(cells)[1], "With 3 seeds the difference is not shown.");
  add(cells, "c", {.5, .6, .4});
  EXPECT_EQ(findings(cells)[1], "With 3 seeds none of the 3 differences is shown.");
}

TEST(Findings, ClaimNothingFromOneSeed) {
  std::vector<Cell> cells;
  add(cells, "base", {.3});
  add(cells, "loop", {.9});
  add(cells, "ppo", {.4});
  const auto text = findings(cells);
  EXPECT_EQ(text[0],
            "No algorithm stands out: loop has the highest oracle, 0.900 on rl, but one seed gives "
            "no interval; the model before training has 0.300, and a gain over it is not shown.");
  EXPECT_EQ(text[1], "One seed says nothing about other seeds, so no difference is shown.");
}

TEST(Findings, WeighOneAlgorithmAgainstTheBase) {
  const auto sure = [](const std::vector<double>& means, bool has_base) {
    std::vector<Cell> cells;
    if (has_base) add(cells, "base", {.3});
    add(cells, "loop", means);
    return findings(cells);
  };
  EXPECT_EQ(sure({.40, .41, .42}, true)[1],
            "With 3 seeds the gain is shown: bootstrap and t interval both exclude 0.");
  EXPECT_EQ(sure({.20, .21, .22}, true)[1],
            "With 3 seeds the loss is shown: bootstrap and t interval both exclude 0.");
  EXPECT_THAT(sure({.32, .33, .60}, true)[1], HasSubstr("the gain is only suggested"));
  EXPECT_THAT(sure({.25, .35, .30}, true)[1], HasSubstr("is not shown."));
  EXPECT_THAT(sure({.25, .35, .30}, true)[0], EndsWith("and a gain over it is not shown."));
  EXPECT_EQ(sure({.40, .41, .42}, false)[1],
            "With 3 seeds and nothing to compare with, no difference is shown.");
  EXPECT_THAT(sure({.40, .41, .42}, false)[0], Not(HasSubstr("before training")));
}

TEST(Findings, NameRunsThatDidNotReachTheTarget) {
  std::vector<Cell> cells;
  add(cells, "base", {.3});
  add(cells, "loop", {.70, .71, .72});
  add(cells, "ppo", {.40, .41, .80});
  const auto text = findings(cells, {.target = .6, .window = 100});
  EXPECT_THAT(text[2], EndsWith("; 0.6 was not reached by ppo (2 of 3 runs)."));
}

TEST(Findings, SayWhoLostDiversity) {
  std::vector<Cell> cells;
  add(cells, "base", {.3});
  add(cells, "loop", {.70, .71, .72});
  add(cells, "ppo", {.50, .51, .52});
  for (Cell& cell : cells) {
    const double kept = cell.arm == "loop" ? .15 : .2;
    const double noise = .001 * static_cast<double>(cell.seed % 2);
    cell.evaluations[0].splits[0].metrics["diversity"] = {kept + noise, kept - noise};
  }
  EXPECT_THAT(findings(cells)[2], HasSubstr("; a loss of diversity is shown for loop;"));
  std::erase_if(cells, [](const Cell& cell) { return cell.arm == "loop"; });
  EXPECT_THAT(findings(cells)[2], HasSubstr("; no loss of diversity is shown;"));
}

TEST(Findings, WarnThatTheRewardIsNoJudge) {
  std::vector<Cell> cells;
  add(cells, "loop", {.70, .71, .72});
  for (Cell& cell : cells) {
    cell.judges.clear();
    SplitScores& split = cell.evaluations[0].splits[0];
    split.metrics = {{"reward", split.metrics["oracle"]}};
  }
  EXPECT_THAT(findings(cells)[0],
              EndsWith("; the reward is what was trained on, no judge's opinion."));
}

TEST(Findings, CoverReportsWithoutAFinishedRun) {
  std::vector<Cell> cells;
  add(cells, "loop", {.70, .71});
  for (Cell& cell : cells) cell.finished = false;
  const auto text = findings(cells);
  EXPECT_EQ(text[0], "No run has finished and been evaluated, so there is nothing to compare yet.");
  EXPECT_EQ(text[1], "No difference is shown.");
  EXPECT_EQ(text[2], "The cost is known once runs finish; 2 have not.");
  EXPECT_EQ(findings({})[2], "There is no run whose cost is known.");
}

TEST(Findings, SeedsNeedNotBeEqual) {
  std::vector<Cell> cells;
  add(cells, "loop", {.70, .71, .72});
  add(cells, "ppo", {.50, .52});
  EXPECT_THAT(findings(cells)[1], ::testing::StartsWith("With 2 to 3 seeds, "));
  for (Cell& cell : cells) {
    if (cell.arm == "ppo") cell.seed += 100;
  }
  EXPECT_EQ(findings(cells)[1],
            "No two algorithms have a seed in common, so no difference is shown.");
}

TEST(Findings, AreThreeSentencesWhateverTheArms) {
  for (const Synthetic& options : {Synthetic{}, Synthetic{.seeds = {1}}, Synthetic{.prompts = 1},
                                   Synthetic{.iterations = 1}}) {
    std::vector<Cell> cells = synthetic_cells(options);
    while (!cells.empty()) {
      const auto text = findings(cells);
      ASSERT_EQ(text.size(), 3U);
      for (const std::string& sentence : text) {
        EXPECT_THAT(sentence, EndsWith("."));
        EXPECT_THAT(sentence, Not(HasSubstr("  ")));
        EXPECT_THAT(sentence, Not(HasSubstr("nan")));
      }
      cells.pop_back();
    }
  }
}

}  // namespace
}  // namespace loopline::report
