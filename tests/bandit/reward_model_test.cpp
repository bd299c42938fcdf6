#include "loopline/bandit/reward_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "bandit/log_fixture.h"
#include "loopline/core/files.h"
#include "loopline/core/random.h"

namespace loopline::bandit {
namespace {

using ::testing::HasSubstr;

/// tests/golden/make_reward_models_golden.py wrote it, with NumPy 2.4.6.
const nlohmann::json& golden() {
  static const nlohmann::json json = nlohmann::json::parse(
      read_file(std::string(LOOPLINE_SOURCE_DIR) + "/tests/golden/reward_models.json"));
  return json;
}

class Models : public LogFiles {
 protected:
  struct Fit {
    LogEncoding encoding;
    std::vector<std::vector<double>> predictions;  ///< of all actions, a row each
  };

  /// Every row's predictions by the model of its fold.
  static Fit fit(const LogConfig& log, const RewardModelConfig& config, std::int64_t threads = 1,
                 std::size_t block_rows = kBlockRows) {
    Fit result{learn_encoding(log), {}};
    ReadOptions options;
    options.limits.block_rows = block_rows;
    const OpenLog open = [&] { return LogReader(log, result.encoding, options); };
    LogReader first = open();
    const LogSurvey survey = survey_log(first, static_cast<int>(config.folds), threads);
    const RewardModel model = fit_reward_model(config, open, survey, threads);
    LogReader reader = open();
    std::vector<double> reward;
    while (const auto block = reader.next()) {
      const auto fold = folds_of(*block, model.folds());
      for (std::size_t i = 0; i < block->size(); ++i) {
        model.predict(*block, i, fold[i], reward);
        result.predictions.push_back(reward);
      }
    }
    return result;
  }

  LogConfig golden_log() const {
    const nlohmann::json& columns = golden()["columns"];
    std::string text = "action,reward,propensity,position,age,city,count\n";
    for (std::size_t i = 0; i < columns["age"].size(); ++i) {
      for (const char* name : {"action", "reward"}) text += columns[name][i].dump() + ",";
      text += "0.5," + columns["position"][i].dump() + "," + columns["age"][i].dump() + "," +
              columns["city"][i].get<std::string>() + "," + columns["multiplicity"][i].dump() +
              "\n";
    }
    LogConfig log = csv(file("golden.csv", text));
    log.position = "position";
    log.multiplicity = "count";
    return log;
  }
};

TEST_F(Models, AgreeWithNumPy) {
  for (const std::string kind : {"ridge", "logistic"}) {
    for (const std::string design : {"cells", "per_action", "shared"}) {
      LogConfig log = golden_log();
      if (design != "cells") log.context = {"age", "city"};
      RewardModelConfig config{.kind = kind, .folds = golden()["folds"], .l2 = golden()["l2"]};
      config.design = design == "shared" ? "shared" : "per_action";
      const nlohmann::json& expected = golden()["predictions"][kind + " " + design];
      std::size_t place = 0;
      for (const auto& row : fit(log, config).predictions) {
        for (const double q : row) {
          EXPECT_NEAR(q, expected[place++].get<double>(), 1e-10) << kind << " " << design;
        }
      }
      EXPECT_EQ(place, expected.size());
    }
  }
}

TEST_F(Models, WithoutContextRidgeIsTheSmoothedMean) {
  // Two folds: even rows are predicted from odd ones. Of those m = 1/2; action 0 has 1, 1, action 1
  // has 0, 0.
  const std::string path = file("log.csv",
                                "action,reward,propensity\n0,5,0.5\n0,1,0.5\n1,5,0.5\n0,1,0.5\n"
                                "1,5,0.5\n1,0,0.5\n1,5,0.5\n1,0,0.5\n");
  const auto rows = fit(csv(path), {.kind = "ridge", .folds = 2, .l2 = 3}).predictions;
  EXPECT_NEAR(rows[0][0], (2 + 3 * .5) / (2 + 3), 1e-15);
  EXPECT_NEAR(rows[0][1], (0 + 3 * .5) / (2 + 3), 1e-15);
  EXPECT_EQ(rows[0], rows[6]);
  EXPECT_NEAR(rows[1][0], 5, 1e-14);
}

std::string linear_log(int rows, bool changed = false) {
  std::vector<double> uniform(static_cast<std::size_t>(3 * rows));
  fill_uniform({.seed = 3, .stream = Stream::kSample}, uniform);
  std::string text = "action,reward,propensity,x,y\n";
  for (int i = 0; i < rows; ++i) {
    const double* u = &uniform[static_cast<std::size_t>(3 * i)];
    const int action = u[2] < .4 ? 0 : 1;
    double reward = action == 0 ? 2 + 3 * u[0] - u[1] : -1 + .5 * u[0] + 4 * u[1];
    if (changed && i == 7) reward += 1000;
    char line[200];
    std::snprintf(line, sizeof line, "%d,%.17g,%g,%.17g,%.17g\n", action, reward,
                  action == 0 ? .4 : .6, u[0], u[1]);
    text += line;
  }
  return text;
}

TEST_F(Models, RidgeRecoversALinearTruth) {
  LogConfig log = csv(file("log.csv", linear_log(400)));
  log.context = {"x", "y"};
  const Fit result = fit(log, {.kind = "ridge", .l2 = 1e-9});
  LogReader reader(log, result.encoding);
  const LogBlock block = *reader.next();
  for (std::size_t i = 0; i < block.size(); ++i) {
    const double x = block.context[2 * i];
    const double y = block.context[2 * i + 1];
    EXPECT_NEAR(result.predictions[i][0], 2 + 3 * x - y, 1e-8);
    EXPECT_NEAR(result.predictions[i][1], -1 + .5 * x + 4 * y, 1e-8);
  }
}

TEST_F(Models, ARowsOwnRewardDoesNotReachItsPrediction) {
  LogConfig plain = csv(file("plain.csv", linear_log(60)));
  LogConfig changed = csv(file("changed.csv", linear_log(60, true)));
  plain.context = changed.context = {"x", "y"};
  const auto before = fit(plain, {.kind = "ridge"}).predictions;
  const auto after = fit(changed, {.kind = "ridge"}).predictions;
  EXPECT_EQ(before[7], after[7]);
  EXPECT_EQ(before[12], after[12]) << "nor those of its fold";
  EXPECT_NE(before[8], after[8]);
}

TEST_F(Models, AClusterLiesInOneFold) {
  std::string text = "action,reward,propensity,user\n";
  for (int i = 0; i < 40; ++i) {
    text += std::to_string(i % 2) + "," + std::to_string(i / 4) + ",0.5," + std::to_string(i / 4) +
            "\n";
  }
  LogConfig log = csv(file("log.csv", text));
  log.cluster = "user";
  const auto rows = fit(log, {.kind = "ridge", .folds = 3}).predictions;
  std::set<std::vector<double>> distinct;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i], rows[i / 4 * 4]);
    distinct.insert(rows[i]);
  }
  EXPECT_EQ(distinct.size(), 3U);
}

TEST_F(Models, ThreadsChangeNoBit) {
  LogConfig log = golden_log();
  log.context = {"age", "city"};
  for (const std::string kind : {"ridge", "logistic"}) {
    const RewardModelConfig config{.kind = kind};
    EXPECT_EQ(fit(log, config, 1, 7).predictions, fit(log, config, 3, 7).predictions);
  }
}

TEST_F(Models, LogisticTakesRewardsBetweenZeroAndOne) {
  const auto path = [&](const std::string& reward) {
    return file("log.csv",
                "action,reward,propensity\n0,0.5,0.5\n1,1,0.5\n1," + reward + ",0.5\n0,0,0.5\n");
  };
  const RewardModelConfig config{.kind = "logistic", .folds = 2};
  EXPECT_EQ(log_error([&] { fit(csv(path("0.25")), config); }), "no error");
  EXPECT_THAT(log_error([&] { fit(csv(path("1.25")), config); }),
              HasSubstr("the reward of row 2 is 1.25"));
  EXPECT_THAT(log_error([&] { fit(csv(path("-1")), config); }), HasSubstr("row 2 is -1"));
}

TEST_F(Models, LogisticConvergesWhereRewardsAreSeparable) {
  std::string text = "action,reward,propensity,x\n";
  for (int i = 0; i < 80; ++i) {
    text += std::to_string(i % 2) + (i < 40 ? ",0,0.5," : ",1,0.5,") + std::to_string(i) + "\n";
  }
  LogConfig log = csv(file("log.csv", text));
  log.context = {"x"};
  const auto rows = fit(log, {.kind = "logistic", .l2 = 1e-4}).predictions;
  EXPECT_LT(rows[0][0], 1e-3);
  EXPECT_GT(rows[79][1], 1 - 1e-3);
}

TEST_F(Models, ActionSetsShareCoefficients) {
  // The reward is twice the feature of the action that was chosen.
  std::string text;
  std::vector<double> uniform(300);
  fill_uniform({.seed = 4, .stream = Stream::kSample}, uniform);
  for (std::size_t i = 0; i < 100; ++i) {
    const bool is_first = uniform[3 * i] < .5;
    const double x = uniform[3 * i + 1];
    const double y = uniform[3 * i + 2];
    const std::string label = "0:" + std::to_string(-2 * (is_first ? x : y)) + ":0.5 ";
    text += (is_first ? label : "") + "|a v:" + std::to_string(x) + "\n" + (is_first ? "" : label) +
            "|a v:" + std::to_string(y) + "\n\n";
  }
  const LogConfig log = other(file("log.vw", text));
  const Fit result = fit(log, {.kind = "ridge", .l2 = 1e-6});
  LogReader reader(log, result.encoding);
  const LogBlock block = *reader.next();
  ASSERT_EQ(block.sets.features, 1U);
  for (std::size_t i = 0; i < block.size(); ++i) {
    for (std::size_t a = 0; a < 2; ++a) {
      EXPECT_NEAR(result.predictions[i][a], 2 * block.sets.feature[2 * i + a], 1e-4);
    }
  }
}

TEST_F(Models, RefusesMoreThanMemoryHolds) {
  std::string text = "action,reward,propensity,x\n";
  for (int i = 0; i < 4000; ++i) {
    text += std::to_string(i % 1000) + ",1,0.5,c" + std::to_string(i % 2000) + "\n";
  }
  LogConfig log = csv(file("log.csv", text));
  log.context = {"x"};
  EXPECT_THAT(log_error([&] { fit(log, {.kind = "ridge"}); }), HasSubstr("do not fit into memory"));
  EXPECT_THAT(log_error([&] {
                fit(csv(file("one.csv", "action,reward,propensity\n0,1,0.5\n")), {.kind = "ridge"});
              }),
              HasSubstr("model.folds"));
}

}  // namespace
}  // namespace loopline::bandit
