#include "loopline/bandit/compare_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "bandit/log_fixture.h"
#include "loopline/bandit/estimate_log.h"
#include "loopline/bandit/softmax_policy.h"
#include "loopline/config/config_tree.h"
#include "loopline/config/read_options.h"
#include "loopline/core/random.h"

namespace loopline::bandit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

class Comparisons : public LogFiles {
 protected:
  /// Three actions logged uniformly; x uniform, a city; the reward depends on both.
  std::string log_of(int rows, const std::string& name = "log.csv") const {
    std::vector<double> uniform(static_cast<std::size_t>(4 * rows));
    fill_uniform({.seed = 11, .stream = Stream::kSample}, uniform);
    std::string text = "action,reward,propensity,x,city,user,target\n";
    for (int i = 0; i < rows; ++i) {
      const double* u = &uniform[static_cast<std::size_t>(4 * i)];
      const int action = static_cast<int>(3 * u[1]);
      const char* city = u[3] < .5 ? "Rome" : u[3] < .8 ? "Oslo" : "Bonn";
      const double chance = (action == 2 ? .2 + .6 * u[0] : .3) + (*city == 'R' ? .1 : 0);
      char line[120];
      std::snprintf(line, sizeof line, "%d,%d,%.17g,%.17g,%s,%d,%.17g\n", action,
                    u[2] < chance ? 1 : 0, 1 / 3., u[0], city, i / 5, action == 2 ? .5 : .25);
      text += line;
    }
    return file(name, text);
  }

  static PolicyConfig of_kind(const std::string& kind) {
    PolicyConfig policy;
    policy.kind = kind;
    return policy;
  }
  PolicyConfig table(const std::string& name, const std::string& lines) const {
    PolicyConfig policy = of_kind("table");
    policy.file = file(name, "action,probability\n" + lines);
    return policy;
  }
  /// Scores: slope x for action 2, city for action 0.
  PolicyConfig softmax(const std::string& name, std::vector<FeatureColumn> columns,
                       std::vector<double> weight) const {
    SoftmaxPolicyData data;
    data.encoding.context = FeatureEncoding(std::move(columns));
    data.weight = std::move(weight);
    PolicyConfig policy = of_kind("softmax");
    policy.file = path_of(name);
    write_softmax_policy(*policy.file, data);
    return policy;
  }

  CompareConfig two_tables(int rows) const {
    CompareConfig config;
    config.log = csv(log_of(rows));
    config.log.context = {"x"};
    config.policies = {{"first", table("first.csv", "0,0.5\n1,0.3\n2,0.2\n")},
                       {"last", table("last.csv", "0,0.1\n1,0.3\n2,0.6\n")}};
    config.baseline_policy = "first";
    config.threads = 1;
    return config;
  }

  static Json run(const CompareConfig& config) {
    const auto progress = run::silent_progress();
    return compare_log(config, *progress);
  }
  static std::string error_of(const CompareConfig& config) {
    return log_error([&] { run(config); });
  }

  static const Json& named(const Json& list, const std::string& name,
                           const std::string& estimator) {
    for (const Json& row : list) {
      if (row["name"] == name && row["estimator"] == estimator) return row;
    }
    throw std::runtime_error("there is no " + name + " by " + estimator);
  }
  static const Json& policy_in(const Json& result, const std::string& name) {
    for (const Json& policy : result["policies"]) {
      if (policy["name"] == name) return policy;
    }
    throw std::runtime_error("there is no policy " + name);
  }

  /// What bandit estimate says of each of the policies alone.
  static void expect_as_alone(const CompareConfig& config) {
    const Json result = run(config);
    std::vector<NamedPolicy> policies = config.policies;
    policies.push_back({"uniform", of_kind("uniform")});
    for (const NamedPolicy& one : policies) {
      EstimateConfig alone;
      static_cast<EstimateSettings&>(alone) = config;
      alone.policy = one.policy;
      const auto progress = run::silent_progress();
      const Json expected = estimate_log(alone, *progress);
      for (Json row : expected["estimates"]) {
        Json mine = named(result["estimates"], one.name, row["name"]);
        mine.erase("estimator");
        mine["name"] = row["name"];
        EXPECT_EQ(mine.dump(), row.dump()) << one.name;
      }
      EXPECT_EQ(result["diagnostics"][one.name].dump(), expected["diagnostics"].dump());
      EXPECT_EQ(policy_in(result, one.name)["verdict"], expected["verdict"]);
      EXPECT_EQ(result["log"].dump(), expected["log"].dump());
    }
  }
};

TEST_F(Comparisons, SayOfEachPolicyWhatItsEstimateAloneSays) {
  CompareConfig config = two_tables(3000);
  expect_as_alone(config);
  config.model.kind = "ridge";
  config.estimators = {"ips", "snips", "beta_ips_cross_fitted", "dr", "switch_dr"};
  config.clip_grid = {1, 2, 8};
  expect_as_alone(config);
  config.interval.kind = "bootstrap";
  config.interval.resamples = 40;
  config.log.cluster = "user";
  expect_as_alone(config);
}

TEST_F(Comparisons, ThreadsChangeNoBit) {
  CompareConfig config = two_tables(2 * static_cast<int>(kBlockRows) + 100);
  config.model.kind = "ridge";
  config.log.cluster = "user";
  config.estimators = {"snips", "beta_ips", "dr", "shrinkage_dr"};
  config.clip_grid = {1, 2, 8};
  const std::string once = run(config).dump();
  config.threads = 3;
  EXPECT_EQ(run(config).dump(), once);
}

TEST_F(Comparisons, DifferencesAreThoseOfPairedRows) {
  const CompareConfig config = two_tables(20'000);
  const Json result = run(config);
  std::vector<std::string> names;
  for (const Json& row : result["differences"]) {
    if (row["estimator"] == "ips") names.push_back(row["name"]);
  }
  EXPECT_THAT(names, ElementsAre("last - first", "first - uniform", "last - uniform"));
  for (const std::string estimator : {"ips", "snips"}) {
    const Json& last = named(result["estimates"], "last", estimator);
    const Json& first = named(result["estimates"], "first", estimator);
    const Json& difference = named(result["differences"], "last - first", estimator);
    EXPECT_NEAR(difference["value"], last["value"].get<double>() - first["value"].get<double>(),
                1e-14);
    EXPECT_LT(difference["high"].get<double>() - difference["low"].get<double>(),
              last["high"].get<double>() - last["low"].get<double>());
  }
  // .2 more of action 2 (mean reward .55) than of uniform, .4 more than the first.
  EXPECT_NEAR(named(result["differences"], "last - first", "beta_ips")["value"], .4 * .2, .02);
  EXPECT_EQ(result["verdict"], "usable");
  EXPECT_EQ(result["judged_by"], "beta_ips");
  EXPECT_EQ(policy_in(result, "last")["against_uniform"], "better than uniform");
  EXPECT_EQ(policy_in(result, "first")["against_uniform"], "worse than uniform");
  EXPECT_FALSE(policy_in(result, "uniform").contains("against_uniform"));
}

TEST_F(Comparisons, TheBootstrapOfADifferenceIsPaired) {
  CompareConfig config = two_tables(4000);
  config.model.kind = "ridge";
  config.estimators = {"ips", "snips", "beta_ips", "beta_ips_cross_fitted", "dr", "sndr"};
  const Json closed = run(config);
  config.interval.kind = "bootstrap";
  config.interval.resamples = 1000;
  const Json drawn = run(config);
  for (const std::string& estimator : config.estimators) {
    const Json& a = named(closed["differences"], "last - first", estimator);
    const Json& b = named(drawn["differences"], "last - first", estimator);
    EXPECT_EQ(a["value"], b["value"]) << estimator;
    const double width = a["high"].get<double>() - a["low"].get<double>();
    // The ends of 1000 percentiles vary by some 4 % of the width; 4 standard deviations.
    EXPECT_NEAR(a["low"], b["low"].get<double>(), .16 * width) << estimator;
    EXPECT_NEAR(a["high"], b["high"].get<double>(), .16 * width) << estimator;
  }
}

TEST_F(Comparisons, TheLoggingPolicyIsRecognised) {
  CompareConfig config = two_tables(2000);
  config.policies.push_back({"as_logged", of_kind("column")});
  config.log.target = "propensity";
  const Json result = run(config);
  const double mean_reward = result["diagnostics"]["uniform"]["mean_reward"];
  for (const std::string name : {"as_logged", "uniform"}) {
    EXPECT_EQ(policy_in(result, name)["on_policy"], true);
    for (const std::string estimator : {"ips", "snips", "beta_ips"}) {
      EXPECT_NEAR(named(result["estimates"], name, estimator)["value"], mean_reward, 1e-14);
    }
  }
  EXPECT_EQ(policy_in(result, "last")["on_policy"], false);
  const Json& same = named(result["differences"], "as_logged - uniform", "beta_ips");
  EXPECT_EQ(same["value"], 0);
  EXPECT_EQ(policy_in(result, "as_logged")["against_uniform"], "nothing learnable here");
  EXPECT_EQ(result["verdict"], "usable") << "there are differences between others";
}

TEST_F(Comparisons, NothingIsLearnableWhereNoDifferenceIsCertain) {
  // Actions 0 and 1 are equally good: moving from one to the other changes nothing.
  CompareConfig config = two_tables(2000);
  config.policies = {
      {"near", table("near.csv", "0,0.4333333333\n1,0.2333333334\n2,0.3333333333\n")}};
  config.baseline_policy = "uniform";
  config.interval.level = .999;
  const Json result = run(config);
  EXPECT_EQ(result["verdict"], "nothing learnable here");
  EXPECT_EQ(result["weights"], "usable");
  EXPECT_EQ(result["differences"].size(), 3U) << "the baseline is the uniform one";
}

TEST_F(Comparisons, UnusableWeightsAreNoAnswer) {
  CompareConfig config = two_tables(200);  // effective rows of the second: 200 * 1 / 1.38
  config.policies = {{"narrow", table("narrow.csv", "0,0\n1,0\n2,1\n")}};
  config.baseline_policy = "narrow";
  const Json result = run(config);
  EXPECT_EQ(result["verdict"], "unusable");
  EXPECT_THAT(result["reasons"][0].get<std::string>(), HasSubstr("narrow: the weights are worth"));
  EXPECT_EQ(policy_in(result, "narrow")["against_uniform"], "unusable");
  EXPECT_EQ(policy_in(result, "uniform")["verdict"], "usable");
}

TEST_F(Comparisons, AUselessUniformPolicyIsNotInTheVerdict) {
  // Logged with propensities .9 and .1/2: the uniform policy has heavy weights, the column has not.
  std::string text = "action,reward,propensity,target\n";
  for (int i = 0; i < 400; ++i) {
    text += i == 0 ? "1,1,0.0005,0.0005\n" : i % 3 == 0 ? "0,1,0.9,0.9\n" : "0,0,0.9,0.9\n";
  }
  CompareConfig config;
  config.log = csv(file("log.csv", text));
  config.log.target = "target";
  config.policies = {{"logged", of_kind("column")}};
  config.baseline_policy = "logged";
  const Json result = run(config);
  EXPECT_EQ(policy_in(result, "uniform")["verdict"], "unusable");
  EXPECT_EQ(policy_in(result, "logged")["against_uniform"], "unusable");
  EXPECT_EQ(result["verdict"], "usable");
}

TEST_F(Comparisons, PoliciesMayReadTheContextEachInItsOwnWay) {
  CompareConfig config = two_tables(3000);
  config.log.context = {"x", "city"};
  const FeatureColumn x{"x", false, {}};
  config.policies = {
      {"by_x", softmax("by_x.safetensors", {x}, {0, 0, 2})},
      // Bonn is unseen to this one, and the order is another.
      {"by_city", softmax("by_city.safetensors", {{"city", true, {"Oslo", "Rome"}}, x},
                          {1, 0, 3, .5, 0, 1, 0, 0, 0, 2, 0, 1})},
      {"all", softmax("all.safetensors", {{"city", true, {"Bonn", "Rome", "Oslo"}}},
                      {1, 0, 2, 9, 0, 0, 1, 9, 3, 0, 0, 9})}};
  config.baseline_policy = "by_x";
  const Json result = run(config);
  for (const NamedPolicy& one : config.policies) {
    EstimateConfig alone;
    static_cast<EstimateSettings&>(alone) = config;
    alone.policy = one.policy;
    const auto progress = run::silent_progress();
    const Json expected = estimate_log(alone, *progress);
    EXPECT_EQ(result["diagnostics"][one.name].dump(), expected["diagnostics"].dump()) << one.name;
  }
  config.model.kind = "ridge";
  EXPECT_EQ(run(config)["judged_by"], "dr");
}

TEST_F(Comparisons, SlopeChoosesForEachPolicyAndDifference) {
  CompareConfig config = two_tables(3000);
  config.estimators = {"clipped_ips"};
  config.clip_grid = {.5, 1.5, 3};
  const Json result = run(config);
  const Json& row = named(result["estimates"], "last", "clipped_ips");
  ASSERT_EQ(row["slope"].size(), 3U);
  EXPECT_EQ(row["slope"][0]["parameter"], 3);
  EXPECT_EQ(row["slope"][0]["clipped_share"], 0);
  EXPECT_THAT(row["notes"].dump(), HasSubstr("chosen by SLOPE of 3"));
  for (const Json& step : row["slope"]) {
    if (step["parameter"] != row["parameter"]) continue;
    EXPECT_EQ(step["value"], row["value"]);
  }
  const Json& difference = named(result["differences"], "last - first", "clipped_ips");
  EXPECT_EQ(difference["slope"].size(), 3U);
  EXPECT_FALSE(difference["slope"][0].contains("clipped_share"));
  // Half of the difference is gone where all weights are clipped at .5.
  EXPECT_NE(difference["parameter"], .5);
}

TEST_F(Comparisons, BernsteinIsForDifferencesOfMeansWithTwiceTheRange) {
  CompareConfig config = two_tables(500);
  config.estimators = {"ips"};
  config.interval.kind = "bernstein";
  config.interval.range = {0, 2};
  const Json result = run(config);
  const Json& value = named(result["estimates"], "last", "ips");
  const Json& difference = named(result["differences"], "last - first", "ips");
  const double by_range = 7 * 2 * std::log(4 / .05) / (3 * 499.);
  const auto half = [](const Json& row) {
    return row["high"].get<double>() - row["value"].get<double>();
  };
  const double spread = std::sqrt(2 * std::log(4 / .05));
  EXPECT_NEAR(half(value), spread * value["standard_error"].get<double>() + by_range, 1e-12);
  EXPECT_NEAR(half(difference), spread * difference["standard_error"].get<double>() + 2 * by_range,
              1e-12);
}

TEST_F(Comparisons, RefusesContradictionsBeforeReading) {
  CompareConfig config = two_tables(100);
  config.baseline_policy = "frist";
  EXPECT_THAT(error_of(config), HasSubstr("did you mean first?"));
  config.baseline_policy = "first";
  config.interval.kind = "confidence_sequence";
  config.estimators = {"ips"};
  EXPECT_THAT(error_of(config), HasSubstr("not valid for a difference of ips"));
  config.interval.kind = "auto";
  config.policies.front().policy.file.reset();
  EXPECT_THAT(error_of(config), HasSubstr("policies.first.file: a table policy needs its file"));
  config.policies.front().policy = of_kind("column");
  config.model.kind = "ridge";
  EXPECT_THAT(error_of(config), HasSubstr("policies.first.kind 'column'"));
}

TEST_F(Comparisons, PoliciesOfAModelHaveEqualActions) {
  CompareConfig config = two_tables(300);
  config.model.kind = "ridge";
  config.policies.back().policy = table("four.csv", "0,0.1\n3,0.9\n");
  EXPECT_THAT(error_of(config), HasSubstr("3 actions, and others 4"));
  config.model.kind = "none";
  EXPECT_EQ(policy_in(run(config), "uniform")["actions"], 4) << "a file knows of more";
}

TEST_F(Comparisons, FilesAreRead) {
  const auto read = [&](const std::string& text, const std::vector<std::string>& sets = {}) {
    return read_compare_config(file("compare.yaml", text), sets);
  };
  const std::string log =
      "log: {files: [log.csv], action: action, reward: {column: reward}, "
      "propensity: propensity}\n";
  log_of(10);
  const CompareConfig config =
      read(log + "policies: {a: {kind: uniform, epsilon: 0.5}}\nbaseline: a\n",
           {"policies.b={kind: uniform}", "clip_grid=[1, 2]", "estimators=clipped_ips"});
  ASSERT_EQ(config.policies.size(), 2U);
  EXPECT_EQ(config.policies[0].policy.epsilon, .5);
  EXPECT_EQ(config.policies[1].name, "b");
  const auto error = [&](const std::string& text) { return log_error([&] { read(log + text); }); };
  EXPECT_THAT(error("baseline: a\n"), HasSubstr("names no policy"));
  EXPECT_THAT(error("policies: {}\nbaseline: a\n"), HasSubstr("names no policy"));
  EXPECT_THAT(error("policies: {uniform: {kind: uniform}}\nbaseline: a\n"),
              HasSubstr("is always there"));
  EXPECT_THAT(error("policies: {a: {}}\nbaseline: a\n"), HasSubstr("policies.a.kind is missing"));
  EXPECT_THAT(error("policies: {a: {kind: unifrom}}\nbaseline: a\n"), HasSubstr("policies.a.kind"));
  EXPECT_THAT(error("policies: {a: {kind: uniform}}\n"), HasSubstr("baseline is missing"));
  EXPECT_THAT(error("policy: {kind: uniform}\npolicies: {a: {kind: uniform}}\nbaseline: a\n"),
              HasSubstr("policy"));
}

TEST_F(Comparisons, TheShippedConfigIsRead) {
  const std::string source = LOOPLINE_SOURCE_DIR;
  const config::ConfigTree tree = config::load_config(source + "/configs/bandit/compare.yaml");
  CompareConfig config;
  config.policies = {{"hand_made", {}}, {"learned", {}}};
  config::read_options(tree, [&](auto& v) { config.describe(v); });
  EXPECT_EQ(config.baseline_policy, "hand_made");
  EXPECT_EQ(*config.policies[1].policy.file, source + "/configs/bandit/policy.safetensors");
}

}  // namespace
}  // namespace loopline::bandit
