#include "loopline/bandit/estimate_propensities.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "bandit/log_fixture.h"
#include "loopline/bandit/estimate_log.h"
#include "loopline/bandit/log_columns.h"
#include "loopline/config/config_tree.h"
#include "loopline/config/read_options.h"
#include "loopline/core/files.h"
#include "loopline/core/random.h"

namespace loopline::bandit {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

// Action 1 has probability 1 / (1 + e^(1 - 3 x)), x uniform, and is right with probability x.
double chance_of_one(double x) { return 1 / (1 + std::exp(1 - 3 * x)); }

class PropensityRuns : public LogFiles {
 protected:
  static std::string logged(int rows, bool with_propensity) {
    std::vector<double> uniform(static_cast<std::size_t>(3 * rows));
    fill_uniform({.seed = 31, .stream = Stream::kSample}, uniform);
    std::string text = "action,reward,p,x,user\n";
    for (int i = 0; i < rows; ++i) {
      const double* u = &uniform[static_cast<std::size_t>(3 * i)];
      const double one = chance_of_one(u[0]);
      const int action = u[1] < one ? 1 : 0;
      const double right = action == 1 ? u[0] : .3;
      char line[100];
      std::snprintf(line, sizeof line, "%d,%d,%.17g,%.17g,%d\n", action, u[2] < right ? 1 : 0,
                    !with_propensity ? 1
                    : action == 1    ? one
                                     : 1 - one,
                    u[0], i / 2);
      text += line;
    }
    return text;
  }

  PropensityConfig config_of(const std::string& text) const {
    PropensityConfig config;
    config.log = csv(file("log.csv", text));
    config.log.propensity.reset();
    config.log.context = {"x"};
    config.threads = 1;
    return config;
  }

  static Json run(const PropensityConfig& config, const std::string& out) {
    const auto progress = run::silent_progress();
    return estimate_propensities(config, out, *progress);
  }
};

TEST_F(PropensityRuns, WriteTheLogAgainWithWhatTheirChecksSay) {
  PropensityConfig config = config_of(logged(5000, false));
  config.log.cluster = "user";
  config.floor = .2;
  const std::string out = path_of("out.safetensors");
  const Json result = run(config, out);
  EXPECT_TRUE(read_columns(out).has_estimated_propensities);
  EXPECT_TRUE(has_estimated_propensities(other(out)));
  EXPECT_FALSE(has_estimated_propensities(config.log));

  const LogBlock written = read_all(other(out));
  const ReadOptions options{.needs_propensity = false, .limits = {}};
  LogBlock plain = read_all(config.log, learn_encoding(config.log, options), options);
  EXPECT_TRUE(plain.propensity.empty());
  plain.propensity = written.propensity;
  expect_same(plain, written);
  EXPECT_EQ(read_columns(out).actions, 2);

  // The figures, from what was written alone.
  double loss = 0, below = 0, near_one = 0, inverse = 0, smallest = 1;
  for (std::size_t i = 0; i < written.size(); ++i) {
    const double p = written.propensity[i];
    const double one = chance_of_one(written.context[i]);
    EXPECT_NEAR(p, written.action[i] == 1 ? one : 1 - one, .08);
    loss -= std::log(p) / 5000;
    inverse += 1 / p / 2 / 5000;
    below += p < .2;
    near_one += p > .8;
    smallest = std::min(smallest, p);
  }
  EXPECT_NEAR(result["held_out"]["log_loss"], loss, 1e-12);
  EXPECT_NEAR(result["held_out"]["gain"].get<double>(),
              result["held_out"]["frequency_log_loss"].get<double>() - loss, 1e-12);
  EXPECT_GT(result["held_out"]["gain"], 10 * result["held_out"]["gain_error"].get<double>());
  EXPECT_EQ(result["propensities"]["smallest"], smallest);
  const auto row = result["propensities"]["smallest_row"].get<std::size_t>();
  EXPECT_EQ(written.propensity[row], smallest);
  EXPECT_GT(below, 0);
  EXPECT_NEAR(result["propensities"]["below_floor"], below / 5000, 1e-12);
  EXPECT_NEAR(result["propensities"]["near_one"], near_one / 5000, 1e-12);
  EXPECT_NEAR(result["uniform_policy"]["mean_weight"], inverse, 1e-12);
  EXPECT_EQ(result["calibration"]["bins"].size(), 10U);
  for (const Json& bin : result["calibration"]["bins"]) {
    EXPECT_NEAR(bin["observed"], bin["predicted"], 4 * bin["standard_error"].get<double>());
    EXPECT_NEAR(bin["predictions"], 1000, 10);  // a tenth, but for the grid
  }
  EXPECT_TRUE(result["notes"].empty()) << result["notes"];
}

TEST_F(PropensityRuns, EstimatesWithThemAreNearThoseWithTheLoggedOnesAndMarked) {
  EstimateConfig logged_ones;
  logged_ones.log = csv(file("logged.csv", logged(20'000, true)));
  logged_ones.log.propensity = "p";
  logged_ones.policy.kind = "uniform";
  logged_ones.threads = 1;
  const auto progress = run::silent_progress();
  const Json right = estimate_log(logged_ones, *progress);
  EXPECT_EQ(right["log"]["propensities"], "logged");

  PropensityConfig config = config_of(logged(20'000, false));
  const std::string out = path_of("out.safetensors");
  run(config, out);
  EstimateConfig estimated_ones = logged_ones;
  estimated_ones.log = other(out);
  const Json result = estimate_log(estimated_ones, *progress);
  EXPECT_EQ(result["log"]["propensities"], "estimated");
  const Json& ips = result["estimates"][0];
  EXPECT_NEAR(ips["value"], .4, 4 * ips["standard_error"].get<double>());  // (E x + .3) / 2
  EXPECT_NEAR(ips["value"], right["estimates"][0]["value"].get<double>(), .01);

  // Taken as constant they mislead: that is what estimation is for.
  config.log.context.clear();
  run(config, path_of("constant.safetensors"));
  estimated_ones.log = other(path_of("constant.safetensors"));
  const Json constant = estimate_log(estimated_ones, *progress);
  const Json& wrong = constant["estimates"][0];
  EXPECT_GT(std::abs(wrong["value"].get<double>() - .4), 4 * wrong["standard_error"].get<double>());
}

TEST_F(PropensityRuns, ReplacePropensitiesThatAreAllOneAndNoOthers) {
  PropensityConfig config = config_of(logged(500, false));
  const std::string out = path_of("out.safetensors");
  config.log.propensity = "p";  // all of them are 1
  run(config, out);
  EXPECT_LT(read_all(other(out)).propensity.front(), 1);
  EstimateConfig estimate;
  estimate.log = config.log;
  estimate.policy.kind = "uniform";
  const auto progress = run::silent_progress();
  EXPECT_THAT(log_error([&] { estimate_log(estimate, *progress); }),
              HasSubstr("`loopline bandit propensity`"));

  const std::string none = path_of("none.safetensors");
  const auto error = [&](const PropensityConfig& bad) {
    const std::string text = log_error([&] { run(bad, none); });
    EXPECT_FALSE(std::filesystem::exists(none));
    return text;
  };
  PropensityConfig bad = config_of(logged(500, true));
  bad.log.propensity = "p";
  EXPECT_THAT(error(bad), HasSubstr("has propensities already"));
  bad.log = other(out);
  EXPECT_THAT(error(bad), HasSubstr("has propensities already"));
  bad = config_of("action,reward,x\n0,1,2\n0,1,3\n");
  EXPECT_THAT(error(bad), HasSubstr("shows a single action"));
  bad.log = other(file("sets.vw",
                       "shared |u x:1\n0:1:1 |a y:1\n|a y:2\n\nshared |u x:1\n0:1:1 |a "
                       "y:1\n|a y:2\n\n"));
  EXPECT_THAT(error(bad), HasSubstr("another set of actions in every row"));
}

TEST_F(PropensityRuns, TellWhenTheContextOrTheLogSaysNothing) {
  std::string random = "action,reward,x\n", decided = random;
  std::vector<double> u(2000);
  fill_uniform({.seed = 3, .stream = Stream::kSample}, u);
  for (std::size_t i = 0; i < u.size(); i += 2) {
    const std::string x = std::to_string(u[i]);
    random += std::to_string(u[i + 1] < .4) + ",0," + x + "\n";
    decided += std::to_string(u[i] < .4) + ",0," + x + "\n";
  }
  const Json nothing = run(config_of(random), path_of("a.safetensors"));
  ASSERT_EQ(nothing["notes"].size(), 1U);
  EXPECT_THAT(nothing["notes"][0].get<std::string>(), HasSubstr("the context tells nothing"));
  // Places of twenty rows each, in every fold, in which nothing differs but by chance.
  std::string cells = "action,reward,place\n";
  for (std::size_t i = 1; i < u.size(); i += 2) {
    cells += std::to_string(u[i] < .4) + ",0," + std::to_string(i / 2 % 49) + "\n";
  }
  PropensityConfig config = config_of(cells);
  config.log.context.clear();
  config.log.position = "place";
  config.model.l2 = .01;
  const Json worse = run(config, path_of("c.safetensors"));
  EXPECT_THAT(worse["notes"][0].get<std::string>(), HasSubstr("raise model.l2"));
  config = config_of(decided);
  config.model.l2 = 1e-4;
  const Json decision = run(config, path_of("b.safetensors"));
  EXPECT_THAT(decision["notes"][0].get<std::string>(), HasSubstr("follow from the context"));
}

TEST_F(PropensityRuns, ThreadsChangeNoBit) {
  PropensityConfig config = config_of(logged(static_cast<int>(kBlockRows) + 500, false));
  Json once = run(config, path_of("out.safetensors"));
  const std::string file = read_file(path_of("out.safetensors"));
  config.threads = 3;
  EXPECT_EQ(run(config, path_of("out.safetensors")), once);
  EXPECT_EQ(read_file(path_of("out.safetensors")), file);
}

TEST_F(PropensityRuns, TheDocumentedOptionsAreTheRealOnes) {
  PropensityConfig config;
  const std::string table =
      config::document_options([&](config::OptionVisitor& v) { config.describe(v); });
  // Those of log stand in the table of `bandit estimate`.
  const std::size_t log = table.find("### `log`");
  const std::string own = table.substr(0, log) + table.substr(table.find("### `model`"));
  const std::filesystem::path page_file =
      std::filesystem::path(LOOPLINE_SOURCE_DIR) / "docs/bandit.md";
  std::string page = read_file(page_file);
  const std::size_t begin = page.find("-->\n", page.find("<!-- propensity options")) + 4;
  const std::size_t end = page.find("<!-- end of propensity options");
  ASSERT_LE(begin, end);
  if (std::getenv("LOOPLINE_UPDATE_DOCS") != nullptr) {
    write_file_atomically(page_file, page.replace(begin, end - begin, own));
    return;
  }
  EXPECT_EQ(page.substr(begin, end - begin), own) << "write it again with LOOPLINE_UPDATE_DOCS=1";
}

TEST_F(PropensityRuns, TheShippedConfigIsRead) {
  const std::string source = LOOPLINE_SOURCE_DIR;
  config::ConfigTree tree = config::load_config(source + "/configs/bandit/propensity.yaml");
  PropensityConfig config;
  config::read_options(tree, [&](auto& v) { config.describe(v); });
  EXPECT_EQ(config.log.files, std::vector{source + "/configs/bandit/log.csv"});
  EXPECT_EQ(config.model.folds, 5);
}

}  // namespace
}  // namespace loopline::bandit
