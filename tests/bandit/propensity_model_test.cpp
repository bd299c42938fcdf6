#include "loopline/bandit/propensity_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <numeric>

#include "bandit/log_fixture.h"
#include "loopline/core/files.h"
#include "loopline/core/random.h"

namespace loopline::bandit {
namespace {

using ::testing::HasSubstr;

/// tests/golden/make_propensities_golden.py wrote it, with NumPy 2.4.6.
const nlohmann::json& propensity_golden() {
  static const nlohmann::json json = nlohmann::json::parse(
      read_file(std::string(LOOPLINE_SOURCE_DIR) + "/tests/golden/propensities.json"));
  return json;
}

/// A logger over `x` in 0 .. 1 that is a softmax of known slopes.
std::vector<double> known_logger(double x) {
  std::vector<double> p = {std::exp(-x), std::exp(.5 * x), std::exp(2 * x - 1)};
  const double sum = p[0] + p[1] + p[2];
  for (double& value : p) value /= sum;
  return p;
}

class Propensities : public LogFiles {
 protected:
  struct Fit {
    std::vector<std::vector<double>> predictions;  ///< of all actions, a row each
    int passes = 0;
    double slope = 0;
  };

  /// Every row's predictions by the model that has not seen it.
  static Fit fit(const LogConfig& log, const PropensityModelConfig& config,
                 std::int64_t threads = 1, std::size_t block_rows = kBlockRows) {
    ReadOptions options;
    options.needs_propensity = false;
    options.limits.block_rows = block_rows;
    const LogEncoding encoding = learn_encoding(log, options);
    const OpenLog open = [&] { return LogReader(log, encoding, options); };
    LogReader first = open();
    const LogSurvey survey = survey_log(first, 1, threads);
    const PropensityFit fitted = fit_propensity_model(config, open, survey, threads);
    Fit result{{}, fitted.passes, fitted.slope};
    LogReader reader = open();
    std::vector<double> p;
    while (const auto block = reader.next()) {
      const auto fold = folds_of(*block, fitted.model.folds());
      for (std::size_t i = 0; i < block->size(); ++i) {
        fitted.model.predict(*block, i, fold[i], p);
        result.predictions.push_back(p);
      }
    }
    return result;
  }

  LogConfig without_propensities(const std::string& text) const {
    LogConfig log = csv(file("log.csv", text));
    log.propensity.reset();
    return log;
  }

  static std::string known_log(int rows, int changed_row = -1) {
    std::vector<double> uniform(static_cast<std::size_t>(2 * rows));
    fill_uniform({.seed = 8, .stream = Stream::kSample}, uniform);
    std::string text = "action,reward,x\n";
    for (int i = 0; i < rows; ++i) {
      const double* u = &uniform[static_cast<std::size_t>(2 * i)];
      const std::vector<double> p = known_logger(u[0]);
      int action = u[1] < p[0] ? 0 : u[1] < p[0] + p[1] ? 1 : 2;
      if (i == changed_row) action = (action + 1) % 3;
      char line[60];
      std::snprintf(line, sizeof line, "%d,0,%.17g\n", action, u[0]);
      text += line;
    }
    return text;
  }
};

TEST_F(Propensities, AgreeWithNumPy) {
  const nlohmann::json& golden = propensity_golden();
  const nlohmann::json& columns = golden["columns"];
  std::string text = "action,reward,position,age,city,count\n";
  for (std::size_t i = 0; i < columns["age"].size(); ++i) {
    text += columns["action"][i].dump() + ",0," + columns["position"][i].dump() + "," +
            columns["age"][i].dump() + "," + columns["city"][i].get<std::string>() + "," +
            columns["multiplicity"][i].dump() + "\n";
  }
  for (const std::string design : {"cells", "per_action"}) {
    LogConfig log = without_propensities(text);
    log.position = "position";
    log.multiplicity = "count";
    if (design != "cells") log.context = {"age", "city"};
    const Fit fitted = fit(log, {.folds = golden["folds"], .l2 = golden["l2"]});
    EXPECT_LE(fitted.slope, kPropensitySlope);
    EXPECT_LT(fitted.passes, 60);
    std::size_t place = 0;
    for (const auto& row : fitted.predictions) {
      for (const double p : row) {
        EXPECT_NEAR(p, golden["predictions"][design][place++].get<double>(), 1e-6) << design;
      }
    }
    EXPECT_EQ(place, golden["predictions"][design].size());
  }
}

TEST_F(Propensities, WithoutContextAreSmoothedFrequencies) {
  // Two folds: even rows are predicted from odd ones, which have action 0 three times, 1 once.
  const LogConfig log =
      without_propensities("action,reward\n1,0\n0,0\n1,0\n0,0\n1,0\n0,0\n1,0\n1,0\n");
  const auto rows = fit(log, {.folds = 2, .l2 = 1e9}).predictions;
  EXPECT_NEAR(rows[0][0], 3.5 / 5, 1e-7);
  EXPECT_NEAR(rows[0][1], 1.5 / 5, 1e-7);
  EXPECT_EQ(rows[0], rows[6]);
  EXPECT_NEAR(rows[1][0], .5 / 5, 1e-7);
}

TEST_F(Propensities, FindTheLoggerThatThereWas) {
  LogConfig log = without_propensities(known_log(20'000));
  log.context = {"x"};
  const LogBlock block =
      read_all(log, learn_encoding(log, {.needs_propensity = false, .limits = {}}),
               {.needs_propensity = false, .limits = {}});
  const auto rows = fit(log, {}).predictions;
  double square = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::vector<double> truth = known_logger(block.context[i]);
    EXPECT_NEAR(std::accumulate(rows[i].begin(), rows[i].end(), 0.), 1, 1e-12);
    for (std::size_t a = 0; a < 3; ++a) square += std::pow(rows[i][a] - truth[a], 2) / 3;
  }
  // Four coefficients from 16,000 rows: a variance of some 4/3 p (1 - p) / n an action.
  EXPECT_LT(std::sqrt(square / static_cast<double>(rows.size())), .01);
}

TEST_F(Propensities, DoNotKnowTheRowsThatTheyPredict) {
  LogConfig log = without_propensities(known_log(300));
  log.context = {"x"};
  const auto before = fit(log, {.folds = 3}).predictions;
  LogConfig other = log;
  other.files = {file("changed.csv", known_log(300, 7))};
  const auto after = fit(other, {.folds = 3}).predictions;
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(before[i] == after[i], i % 3 == 7 % 3) << i;
  }
}

TEST_F(Propensities, ThreadsChangeNoBit) {
  LogConfig log = without_propensities(known_log(2000));
  log.context = {"x"};
  EXPECT_EQ(fit(log, {}, 3, 300).predictions, fit(log, {}, 1, 300).predictions);
}

TEST_F(Propensities, ALogTooShortForItsFoldsIsRefused) {
  const LogConfig log = without_propensities("action,reward,user\n0,0,7\n1,0,7\n0,0,7\n");
  EXPECT_EQ(fit(log, {.folds = 2}).predictions.size(), 3U);
  LogConfig clustered = log;
  clustered.cluster = "user";
  EXPECT_THAT(log_error([&] { fit(clustered, {.folds = 2}); }), HasSubstr("to leave a fold out"));
}

}  // namespace
}  // namespace loopline::bandit
