#include "loopline/bandit/estimate_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "bandit/log_fixture.h"
#include "loopline/bandit/log_columns.h"
#include "loopline/bandit/softmax_policy.h"
#include "loopline/config/config_tree.h"
#include "loopline/config/read_options.h"
#include "loopline/core/files.h"
#include "loopline/core/random.h"

namespace loopline::bandit {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

class Estimates : public LogFiles {
 protected:
  static EstimateConfig eight(const std::string& path) {
    EstimateConfig config;
    config.log = csv(path);
    config.log.target = "target";
    config.policy.kind = "column";
    config.threads = 1;
    return config;
  }

  /// The eight rows of the golden numbers: w = target / propensity.
  std::string eight_rows() const {
    const char* weight[] = {"0", "2", ".5", "1.5", "3", ".25", "1", ".75"};
    const char* reward[] = {"1", "0", "1", "1", "0", "1", "0", "1"};
    std::string text = "action,reward,propensity,target\n";
    for (int i = 0; i < 8; ++i) {
      const std::string target = nlohmann::json(std::stod(weight[i]) * .25).dump();
      text += std::string("0,") + reward[i] + ",.25," + target + "\n";
    }
    return file("eight.csv", text);
  }

  static Json run(const EstimateConfig& config) {
    const auto progress = run::silent_progress();
    return estimate_log(config, *progress);
  }

  static std::string error_of(const EstimateConfig& config) {
    return log_error([&] { run(config); });
  }

  static const Json& named(const Json& result, const std::string& name) {
    for (const Json& estimate : result["estimates"]) {
      if (estimate["name"] == name) return estimate;
    }
    throw std::runtime_error("there is no " + name);
  }
};

/// Contexts x uniform, 3 actions logged uniformly, P(r = 1) = .2 + .6 x for action 2 and .3
/// otherwise; `rows` of them.
std::string world_log(int rows) {
  std::vector<double> uniform(static_cast<std::size_t>(3 * rows));
  fill_uniform({.seed = 9, .stream = Stream::kSample}, uniform);
  std::string text = "action,reward,propensity,x,user\n";
  for (int i = 0; i < rows; ++i) {
    const double* u = &uniform[static_cast<std::size_t>(3 * i)];
    const int action = static_cast<int>(3 * u[1]);
    const double chance = action == 2 ? .2 + .6 * u[0] : .3;
    char line[100];
    std::snprintf(line, sizeof line, "%d,%d,%.17g,%.17g,%d\n", action, u[2] < chance ? 1 : 0,
                  1 / 3., u[0], i / 5);
    text += line;
  }
  return text;
}

TEST_F(Estimates, GoldenNumbersOfEightRows) {
  const Json result = run(eight(eight_rows()));
  EXPECT_NEAR(named(result, "ips")["value"], .375, 1e-15);
  EXPECT_NEAR(named(result, "snips")["value"], 1 / 3., 1e-15);
  EXPECT_NEAR(named(result, "beta_ips")["value"], .3794642857, 1e-10);
  EXPECT_NEAR(named(result, "beta_ips")["baseline"], -.0357142857, 1e-10);
  EXPECT_EQ(named(result, "ips")["interval"], "student_t");
  EXPECT_EQ(named(result, "snips")["interval"], "delta");
  EXPECT_EQ(result["rows"], 8);
  EXPECT_EQ(result["verdict"], "unusable");
  EXPECT_THAT(result["reasons"][0].get<std::string>(), HasSubstr("of 8 rows"));
  EXPECT_EQ(result["diagnostics"]["largest_weight"], 3);
  EXPECT_FALSE(result["diagnostics"].contains("clipped_share"));
  EXPECT_EQ(result["policy"]["kind"], "column");
}

TEST_F(Estimates, ThresholdsAreOptions) {
  EstimateConfig config = eight(eight_rows());
  config.verdict.unusable_effective_rows = 2;
  config.verdict.unusable_largest_share = 1;
  EXPECT_EQ(run(config)["verdict"], "doubtful");
  config.verdict.doubtful_largest_share = 1;
  config.verdict.doubtful_rewarded_rows = 0;
  EXPECT_EQ(run(config)["verdict"], "usable");
  EXPECT_TRUE(run(config)["reasons"].empty());
}

TEST_F(Estimates, ParametersReachTheirEstimators) {
  EstimateConfig config = eight(eight_rows());
  config.estimators = {"clipped_ips", "sub_gaussian_ips", "beta_ips"};
  config.clip = 1;
  config.lambda = .5;
  config.baseline = 1;
  const Json result = run(config);
  EXPECT_NEAR(named(result, "clipped_ips")["value"], (.5 + 1 + .25 + .75) / 8, 1e-15);
  EXPECT_EQ(named(result, "clipped_ips")["parameter"], 1);
  EXPECT_NEAR(named(result, "sub_gaussian_ips")["value"],
              (.5 / .75 + 1.5 / 1.25 + .25 / .625 + .75 / .875) / 8, 1e-15);
  EXPECT_NEAR(named(result, "beta_ips")["value"], 1 - (2. + 3 + 1) / 8, 1e-15);
  EXPECT_EQ(result["diagnostics"]["clipped_share"], 3 / 8.);
}

TEST_F(Estimates, SlopeChoosesAmongTheGrid) {
  EstimateConfig config = eight(eight_rows());
  config.estimators = {"ips", "clipped_ips"};
  config.clip_grid = {1, 5, 2};
  const Json result = run(config);
  const Json& row = named(result, "clipped_ips");
  ASSERT_EQ(row["slope"].size(), 3U);
  EXPECT_NEAR(row["slope"][0]["value"], .375, 1e-15) << "no weight is above 5";
  EXPECT_NEAR(row["slope"][2]["value"], (.5 + 1 + .25 + .75) / 8, 1e-15);
  EXPECT_EQ(row["slope"][1]["clipped_share"], 1 / 8.);
  EXPECT_EQ(row["parameter"], 1) << "eight rows say nothing against it";
  EXPECT_EQ(row["value"], row["slope"][2]["value"]);
  EXPECT_FALSE(named(result, "ips").contains("slope"));
  config.clip = 3;
  EXPECT_THAT(error_of(config), HasSubstr("clip_grid: clip is given, too"));
  config.clip.reset();
  config.estimators = {"ips"};
  EXPECT_THAT(error_of(config), HasSubstr("no estimator that is asked for has an M"));
  config.estimators = {"clipped_ips"};
  config.clip_grid = {2, 2};
  EXPECT_THAT(error_of(config), HasSubstr("each once"));
}

TEST_F(Estimates, ModelsAgainstTheirTruth) {
  EstimateConfig config;
  config.log = csv(file("log.csv", world_log(20'000)));
  config.log.context = {"x"};
  config.policy.kind = "softmax";
  config.model.kind = "ridge";
  config.threads = 1;
  SoftmaxPolicyData policy;
  policy.encoding.context = FeatureEncoding({{"x", false, {}}});
  policy.weight = {0, 0, 2};
  config.policy.file = path_of("policy.safetensors");
  write_softmax_policy(*config.policy.file, policy);
  double truth = 0;
  constexpr int kSteps = 10'000;
  for (int i = 0; i < kSteps; ++i) {
    const double x = (i + .5) / kSteps;
    const double chosen = std::exp(2 * x) / (2 + std::exp(2 * x));
    truth += (chosen * (.2 + .6 * x) + (1 - chosen) * .3) / kSteps;
  }
  for (const std::string kind : {"ridge", "logistic"}) {
    config.model.kind = kind;
    const Json result = run(config);
    EXPECT_EQ(result["verdict"], "usable");
    for (const std::string name : {"ips", "snips", "beta_ips", "dm", "dr", "sndr"}) {
      const Json& row = named(result, name);
      // The model's own error is not in dm's.
      const double slack = name == "dm" ? .01 : 4 * row["standard_error"].get<double>();
      EXPECT_NEAR(row["value"], truth, slack) << name;
    }
    EXPECT_LT(named(result, "dr")["standard_error"], named(result, "ips")["standard_error"]);
    EXPECT_EQ(result["model"]["kind"], kind);
    EXPECT_EQ(result["policy"]["actions"], 3);
  }
}

TEST_F(Estimates, ThreadsChangeNoBit) {
  EstimateConfig config;
  config.log = csv(file("log.csv", world_log(2 * static_cast<int>(kBlockRows) + 100)));
  config.log.context = {"x"};
  config.log.cluster = "user";
  config.policy.kind = "uniform";
  config.policy.epsilon = .5;
  config.estimators = {"ips", "snips", "beta_ips_cross_fitted", "dr"};
  config.model.kind = "ridge";
  config.interval.kind = "bootstrap";
  config.interval.resamples = 20;
  config.threads = 1;
  const std::string once = run(config).dump();
  config.threads = 3;
  EXPECT_EQ(run(config).dump(), once);
  config.interval.seed = 1;
  EXPECT_NE(run(config).dump(), once);
}

TEST_F(Estimates, SequencesAndBernsteinAreForSomeEstimators) {
  EstimateConfig config = eight(eight_rows());
  config.interval.kind = "confidence_sequence";
  EXPECT_THAT(error_of(config), HasSubstr("not valid for snips"));
  config.estimators = {"ips"};
  const Json result = run(config);
  EXPECT_EQ(named(result, "ips")["interval"], "confidence_sequence");
  EXPECT_GE(named(result, "ips")["low"], 0);
  config.interval.kind = "bernstein";
  EXPECT_THAT(error_of(config), HasSubstr("interval.range"));
  config.interval.range = {0, 1};
  EXPECT_THAT(error_of(config), HasSubstr("leave the given range"));
  config.interval.range = {0, 4};
  EXPECT_LT(named(run(config), "ips")["low"], .375);
  config.interval.range = {4, 0};
  EXPECT_THAT(error_of(config), HasSubstr("is no range"));
}

TEST_F(Estimates, RefusesContradictionsBeforeReading) {
  EstimateConfig config = eight(eight_rows());
  config.model.kind = "ridge";
  EXPECT_THAT(error_of(config), HasSubstr("all actions"));
  config.model.kind = "none";
  config.estimators = {"dr"};
  EXPECT_THAT(error_of(config), HasSubstr("dr needs a model"));
  config.estimators = {"clipped_ips"};
  EXPECT_THAT(error_of(config), HasSubstr("clip: clipped_ips needs it"));
  config.estimators = {"ips", "ips"};
  EXPECT_THAT(error_of(config), HasSubstr("twice"));
  config.estimators = {};
  config.policy.epsilon = .1;
  EXPECT_THAT(error_of(config), HasSubstr("policy.epsilon"));
  config.policy.epsilon = 0;
  config.policy.file = "x";
  EXPECT_THAT(error_of(config), HasSubstr("policy.file"));
  config.policy.kind = "table";
  config.policy.file.reset();
  EXPECT_THAT(error_of(config), HasSubstr("needs its file"));
}

TEST_F(Estimates, TheColumnMustBeThere) {
  EstimateConfig config = eight(eight_rows());
  config.log.target.reset();
  EXPECT_THAT(error_of(config), HasSubstr("log.target"));
}

TEST_F(Estimates, ATrainedPolicyIsDoubtfulOnItsOwnLog) {
  EstimateConfig config;
  config.log = csv(file("log.csv", world_log(3000)));
  config.log.context = {"x"};
  config.policy.kind = "softmax";
  config.policy.file = path_of("policy.safetensors");
  SoftmaxPolicyData policy;
  policy.encoding.context = FeatureEncoding({{"x", false, {}}});
  policy.weight = {0, 0, 1};
  policy.trained_on = {"another log"};
  write_softmax_policy(*config.policy.file, policy);
  EXPECT_EQ(run(config)["verdict"], "usable");
  policy.trained_on.push_back(log_marks(config.log, policy.encoding).front());
  write_softmax_policy(*config.policy.file, policy);
  const Json result = run(config);
  EXPECT_EQ(result["verdict"], "doubtful");
  EXPECT_THAT(result["reasons"][0].get<std::string>(), HasSubstr("trained on this log"));
  policy.weight.push_back(0);  // a fourth action
  write_softmax_policy(*config.policy.file, policy);
  config.model.kind = "ridge";
  EXPECT_EQ(run(config)["policy"]["actions"], 4);
  config.log.actions = 3;
  EXPECT_THAT(error_of(config), HasSubstr("the policy has 4 actions, and the log 3"));
}

TEST_F(Estimates, AModelNeedsAPolicyThatKnowsAllActionsOfTheLog) {
  EstimateConfig config;
  config.log = csv(file("log.csv", world_log(300)));
  config.policy.kind = "table";
  config.policy.file = file("table.csv", "action,probability\n0,0.5\n1,0.5\n");
  config.model.kind = "ridge";
  EXPECT_THAT(error_of(config), HasSubstr("2 actions, and the log shows action 2"));
}

TEST_F(Estimates, AColumnsFileGivesTheSameEstimates) {
  EstimateConfig config;
  config.log = csv(file("log.csv", world_log(500)));
  config.log.context = {"x"};
  config.policy.kind = "uniform";
  config.model.kind = "ridge";
  const Json once = run(config);
  LogReader reader(config.log, learn_encoding(config.log));
  write_columns(path_of("log.safetensors"), reader, "f");
  config.log = other(path_of("log.safetensors"));
  const Json again = run(config);
  EXPECT_EQ(again["estimates"].dump(), once["estimates"].dump());
  EXPECT_FALSE(again["policy"].contains("note")) << "the file knows how many actions there are";
  config.policy.kind = "table";
  config.policy.file = file("table.csv", "action,probability\n0,0.5\n3,0.5\n");
  EXPECT_EQ(run(config)["policy"]["actions"], 4) << "a policy may know more than the log shows";
}

TEST_F(Estimates, UniformOverActionSetsOfManySizes) {
  // The reward is twice the feature of the chosen action; the truth is that of the mean action.
  std::vector<double> uniform(4000);
  fill_uniform({.seed = 6, .stream = Stream::kSample}, uniform);
  std::string text;
  double truth = 0;
  for (std::size_t i = 0; i < 1000; ++i) {
    const double* u = &uniform[4 * i];
    const std::size_t size = u[0] < .5 ? 2 : 3;
    const std::size_t chosen = u[1] < .6 ? 0 : size - 1;
    const std::string label = std::to_string(chosen == 0 ? .6 : .4);
    for (std::size_t a = 0; a < size; ++a) {
      const double x = u[2] * static_cast<double>(a + 1);
      truth += 2 * x / static_cast<double>(size) / 1000;
      if (a == chosen) text += "0:" + std::to_string(-2 * x) + ":" + label + " ";
      text += "|a v:" + std::to_string(x) + "\n";
    }
    text += "\n";
  }
  EstimateConfig config;
  config.log = other(file("log.vw", text));
  config.policy.kind = "uniform";
  config.model = {.kind = "ridge", .l2 = 1e-6};
  const Json result = run(config);
  EXPECT_NEAR(named(result, "dm")["value"], truth, 1e-4);
  EXPECT_NEAR(named(result, "dr")["value"], truth, 1e-4);
  EXPECT_EQ(result["verdict"], "unusable") << "two of three actions alone are ever chosen";
  config.policy.kind = "table";
  config.policy.file = file("table.csv", "action,probability\n0,1\n");
  EXPECT_THAT(error_of(config), HasSubstr("choose the uniform policy"));
}

TEST_F(Estimates, SkippedRowsAndLoggersAreTold) {
  EstimateConfig config;
  config.log =
      csv(file("log.csv", "action,reward,propensity,who\n0,1,0.5,a\n1,x,0.5,a\n1,0,0.5,b\n"));
  config.log.logger = "who";
  config.log.bad_rows = "skip";
  config.policy.kind = "uniform";
  const Json result = run(config);
  EXPECT_EQ(result["rows"], 2);
  EXPECT_EQ(result["log"]["skipped"], 1);
  ASSERT_EQ(result["loggers"].size(), 2U);
  EXPECT_EQ(result["loggers"][0]["logger"], "a");
  EXPECT_EQ(result["loggers"][0]["ips"], 1);
  EXPECT_EQ(result["policy"]["actions"], 2);
  EXPECT_THAT(result["policy"]["note"].get<std::string>(), HasSubstr("set log.actions"));
}

// The tables in docs/bandit.md stand between two comments; LOOPLINE_UPDATE_DOCS=1 writes them.
TEST_F(Estimates, TheDocumentedOptionsAreTheRealOnes) {
  EstimateConfig config;
  const std::string table =
      config::document_options([&](config::OptionVisitor& v) { config.describe(v); });
  const std::filesystem::path page_file =
      std::filesystem::path(LOOPLINE_SOURCE_DIR) / "docs/bandit.md";
  std::string page = read_file(page_file);
  const std::size_t begin = page.find("-->\n", page.find("<!-- options")) + 4;
  const std::size_t end = page.find("<!-- end of options");
  ASSERT_LE(begin, end);
  if (std::getenv("LOOPLINE_UPDATE_DOCS") != nullptr) {
    write_file_atomically(page_file, page.replace(begin, end - begin, table));
    return;
  }
  EXPECT_EQ(page.substr(begin, end - begin), table) << "write it again with LOOPLINE_UPDATE_DOCS=1";
}

TEST_F(Estimates, LongLogsTellWhereTheyAre) {
  EstimateConfig config;
  std::string text = "action,reward,propensity\n";
  for (int i = 0; i < 1'100'000; ++i) text += i % 3 == 0 ? "0,1,0.5\n" : "1,0,0.5\n";
  config.log = csv(file("log.csv", text));
  config.policy.kind = "uniform";
  config.estimators = {"dr"};
  config.model.kind = "logistic";
  config.threads = 2;
  std::string told;
  const auto progress = run::line_progress({.write = [&](std::string_view line) { told += line; },
                                            .seconds = [] { return 0.0; },
                                            .columns = [] { return 80; }});
  estimate_log(config, *progress);
  for (const char* stage : {"learning features ", "surveying the log 65536/",
                            "fitting logistic, pass 2 ", "estimating ", "1100000 rows"}) {
    EXPECT_THAT(told, HasSubstr(stage));
  }
}

TEST_F(Estimates, TheShippedConfigIsReadAndComesBack) {
  const std::string source = LOOPLINE_SOURCE_DIR;
  config::ConfigTree tree = config::load_config(source + "/configs/bandit/estimate.yaml");
  EstimateConfig config;
  config::read_options(tree, [&](auto& v) { config.describe(v); });
  EXPECT_EQ(config.log.files, std::vector{source + "/configs/bandit/log.csv"});
  const std::string text = config::write_options([&](auto& v) { config.describe(v); });
  EstimateConfig back;
  config::read_options(config::parse_yaml(text, "x.yaml"), [&](auto& v) { back.describe(v); });
  EXPECT_TRUE(config::compare_options([&](auto& v) { config.describe(v); },
                                      [&](auto& v) { back.describe(v); })
                  .empty());
}

}  // namespace
}  // namespace loopline::bandit
