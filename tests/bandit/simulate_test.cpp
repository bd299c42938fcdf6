#include "loopline/bandit/simulate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "bandit/log_fixture.h"
#include "loopline/bandit/argmax_policy.h"
#include "loopline/bandit/simulation_cell.h"
#include "loopline/bandit/simulation_summary.h"
#include "loopline/config/read_options.h"
#include "loopline/core/files.h"
#include "loopline/core/random.h"
#include "loopline/stats/moments.h"

namespace loopline::bandit {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

class Simulations : public LogFiles {
 protected:
  static SimulateConfig tiny() {
    SimulateConfig config;
    config.temperatures = {-1, 1};
    config.rows = {200};
    config.seeds = 3;
    config.world.synthetic = {.actions = 5, .dimensions = 2, .degree = 3, .kept = .4};
    config.estimators = {"ips", "snips", "beta_ips", "dm", "dr"};
    config.resamples = 50;
    return config;
  }

  Json run(const SimulateConfig& config, const std::string& name, std::int64_t jobs = 1) const {
    const auto progress = run::silent_progress();
    return simulate(config, path_of(name), jobs, *progress).summary;
  }

  std::string cell(const std::string& run, const std::string& name) const {
    return read_file(path_of(run) + "/cells/" + name + ".json");
  }

  /// Three classes in the plane, by name; 600 rows.
  std::string labelled_file() const {
    std::vector<double> u(3 * 600);
    fill_uniform({.seed = 6, .stream = Stream::kSample}, u);
    std::string text = "width,kind,height,noise\n";
    for (std::size_t i = 0; i < 600; ++i) {
      const double x = u[3 * i], y = u[3 * i + 1];
      const char* label = x + .3 * u[3 * i + 2] > .8 ? "iris" : y > .5 ? "rose" : "lily";
      text += std::to_string(x) + "," + label + "," + std::to_string(10 * y) + ",7\n";
    }
    return file("flowers.csv", text);
  }

  SimulateConfig flowers() const {
    SimulateConfig config = tiny();
    config.world.kind = "labelled";
    config.world.files = {labelled_file()};
    config.world.label = "kind";
    config.world.features = {"width", "height"};
    return config;
  }
};

TEST_F(Simulations, TheTruthIsTheTargetsRewardByEnumeration) {
  SimulateConfig config = tiny();
  config.estimators = {"ips"};
  const CellKey key{.temperature = 1, .rows = 300, .seed = 4};
  const CellResult result = simulate_cell(config, nullptr, key);
  // The target again, from its own log.
  const SyntheticWorld training(config.world.synthetic, 1, {4, WorldPart::kTraining}, 300);
  WorldRows rows;
  training.fill(0, 300, rows);
  const LogBlock log = training.decide(rows);
  WeightedLabels labels{.features = 2, .context = log.context, .label = log.action};
  for (std::size_t i = 0; i < log.size(); ++i) {
    labels.weight.push_back(log.reward[i] / log.propensity[i]);
  }
  const SoftmaxFit fit = fit_softmax(labels, 5, 1);
  const SyntheticWorld world(config.world.synthetic, 1, {4, WorldPart::kEvaluated}, 300);
  world.fill(0, 300, rows);
  const LogBlock evaluated = world.decide(rows);
  double truth = 0, ips = 0;
  for (std::size_t i = 0; i < 300; ++i) {
    const double* x = rows.context.data() + 2 * i;
    std::size_t best = 0;
    const auto score = [&](std::size_t a) {
      return fit.bias[a] + fit.weight[2 * a] * x[0] + fit.weight[2 * a + 1] * x[1];
    };
    for (std::size_t a = 1; a < 5; ++a) best = score(a) > score(best) ? a : best;
    truth += rows.reward[5 * i + best] / 300;
    if (evaluated.action[i] == static_cast<std::int64_t>(best)) {
      ips += evaluated.reward[i] / rows.logging[5 * i + best] / 300;
    }
  }
  EXPECT_NEAR(result.truth, truth, 1e-12);
  EXPECT_NEAR(result.estimates[0].value, ips, 1e-12);
}

TEST_F(Simulations, FreshContextsHaveTheSameTruthButForChance) {
  SimulateConfig config = tiny();
  const CellKey key{.temperature = 1, .rows = 20000, .seed = 1};
  const double on_log = simulate_cell(config, nullptr, key).truth;
  config.truth = "fresh";
  config.truth_rows = 20000;
  const double fresh = simulate_cell(config, nullptr, key).truth;
  EXPECT_NE(fresh, on_log);
  EXPECT_NEAR(fresh, on_log, 5 * std::sqrt(2 * .25 / 20000));
}

TEST_F(Simulations, IpsIsUnbiasedWithinItsError) {
  SimulateConfig config = tiny();
  config.estimators = {"ips"};
  for (const bool labelled : {false, true}) {
    if (labelled) config = flowers();
    const auto data = labelled ? std::make_shared<const LabelledData>(read_labelled(
                                     config.world.files, "kind", config.world.features, {}))
                               : nullptr;
    stats::Moments error;
    for (std::int64_t seed = 0; seed < 150; ++seed) {
      const CellResult cell =
          simulate_cell(config, data, {.temperature = -1, .rows = 400, .seed = seed});
      error.add(cell.estimates[0].value - cell.truth);
    }
    EXPECT_LT(std::abs(error.mean()), 4 * error.standard_error()) << labelled;
    EXPECT_LT(error.standard_error(), .02);
  }
}

// One model of all rows equals the model of a fold's other rows where those are all rows once.
TEST_F(Simulations, ASingleModelSeesAllRows) {
  const SyntheticWorld world(tiny().world.synthetic, 1, {.seed = 2}, 300);
  WorldRows rows;
  world.fill(0, 300, rows);
  const LogBlock once = world.decide(rows);
  LogBlock twice;
  twice.features = 2;
  for (std::size_t i = 0; i < 600; ++i) {
    twice.action.push_back(once.action[i / 2]);
    twice.reward.push_back(once.reward[i / 2]);
    twice.propensity.push_back(once.propensity[i / 2]);
    twice.context.insert(twice.context.end(),
                         {once.context[i / 2 * 2], once.context[i / 2 * 2 + 1]});
  }
  const auto fitted = [&](const LogBlock& block, const std::string& kind, std::int64_t folds) {
    const auto blocks = std::make_shared<const std::vector<LogBlock>>(1, block);
    const auto open = [&] { return LogReader(blocks, world.encoding(), 5); };
    LogReader reader = open();
    const LogSurvey survey = survey_log(reader, static_cast<int>(folds), 1);
    return fit_reward_model({.kind = kind, .design = "shared", .folds = folds, .l2 = 1}, open,
                            survey);
  };
  for (const std::string kind : {"logistic", "ridge"}) {
    const RewardModel all = fitted(once, kind, 1), crossed = fitted(twice, kind, 2);
    std::vector<double> a, b;
    for (std::size_t i = 0; i < 20; ++i) {
      all.predict(once, i, 0, a);
      crossed.predict(once, i, 0, b);
      for (std::size_t j = 0; j < a.size(); ++j) EXPECT_NEAR(a[j], b[j], 1e-8) << kind;
    }
  }
}

TEST_F(Simulations, GoOnWhereTheyWere) {
  SimulateConfig config = tiny();
  const Json first = run(config, "run");
  EXPECT_EQ(first["cells"], 6);
  EXPECT_EQ(first["missing"], 0);
  EXPECT_EQ(read_file(path_of("run/summary.json")), first.dump(1) + "\n");
  const std::string name = "temperature_1_rows_200_seed_2";
  const std::string before = cell("run", name);
  // A finished cell is not made again: this one is told apart by its truth.
  Json edited = Json::parse(before);
  edited["truth"] = 5;
  write_file_atomically(path_of("run/cells/" + name + ".json"), edited.dump());
  fs::remove(path_of("run/cells/temperature_-1_rows_200_seed_0.json"));
  config.seeds = 4;
  EXPECT_EQ(run(config, "run")["cells"], 8);
  EXPECT_EQ(Json::parse(cell("run", name))["truth"], 5);
  fs::remove(path_of("run/cells/" + name + ".json"));
  run(config, "run");
  EXPECT_EQ(cell("run", name), before);
}

TEST_F(Simulations, JobsChangeNoBit) {
  for (const SimulateConfig& config : {tiny(), flowers()}) {
    const std::string kind = config.world.kind;
    EXPECT_EQ(run(config, kind + "1").dump(), run(config, kind + "2", 2).dump());
    for (const auto& entry : fs::directory_iterator(path_of(kind + "1") + "/cells")) {
      EXPECT_EQ(read_file(entry.path()), cell(kind + "2", entry.path().stem().string()));
    }
  }
}

TEST_F(Simulations, OtherSettingsAndOtherDirectoriesAreRefused) {
  SimulateConfig config = tiny();
  run(config, "run");
  config.world.synthetic.actions = 6;
  const std::string said = log_error([&] { run(config, "run"); });
  EXPECT_THAT(said, HasSubstr("world.actions is 5 there, not 6"));
  fs::create_directories(path_of("mine"));
  file("mine/letter.txt", "dear");
  EXPECT_THAT(log_error([&] { run(config, "mine"); }), HasSubstr("holds no simulation"));
  EXPECT_FALSE(fs::exists(path_of("mine/cells")));
}

TEST_F(Simulations, SummariesAgainstHandWork) {
  SimulateConfig config = tiny();
  config.temperatures = {1};
  config.rows = {10};
  config.published = {{1, 10, "ips", .01}};
  const double nan = std::nan("");
  std::vector<CellResult> cells;
  for (const double error : {.1, -.3, .2}) {
    CellResult& cell = cells.emplace_back();
    cell.key = {1, 10, static_cast<std::int64_t>(cells.size())};
    cell.truth = .5;
    cell.estimates = {{"ips", .5 + error, .4 + error, .65 + error},
                      {"snips", cells.size() == 1 ? nan : .6, nan, nan},
                      {"beta_ips", .5, .4, .6}};
  }
  const Json summary = summarise_simulation(config, cells);
  const Json& ips = summary["rows"][0];
  EXPECT_NEAR(ips["mse"], .14 / 3, 1e-15);
  EXPECT_NEAR(ips["bias_squared"], 0, 1e-15);
  EXPECT_NEAR(ips["variance"], .14 / 3, 1e-15);
  EXPECT_NEAR(ips["ratio"], 14 / 3., 1e-12);
  EXPECT_NEAR(ips["coverage"], 1 / 3., 1e-15);  // of .1 alone
  EXPECT_LE(ips["mse_low"], ips["mse"]);
  EXPECT_GE(ips["mse_high"], ips["mse"]);
  // Differences .01, .09, .04: mean .14 / 3, standard error .023333.
  EXPECT_NEAR(ips["versus_beta_ips"]["t"], 2.0, .01);
  const Json& snips = summary["rows"][1];
  EXPECT_EQ(snips["seeds"], 2);
  EXPECT_EQ(snips["undefined"], 1);
  EXPECT_EQ(snips["versus_beta_ips"]["seeds"], 2);
  EXPECT_FALSE(snips.contains("published"));
  EXPECT_FALSE(summary["rows"][2].contains("versus_beta_ips"));
}

TEST_F(Simulations, LabelledDataAsABandit) {
  const SimulateConfig config = flowers();
  const auto data = std::make_shared<const LabelledData>(
      read_labelled(config.world.files, "kind", {"width", "height", "noise"}, {}));
  EXPECT_EQ(data->actions, 3U);
  EXPECT_EQ(data->features, 3U);
  const LabelledWorld world(data, config.world.labelled, 2, {.seed = 1});
  EXPECT_EQ(world.population().size(), 600U - 30 - 180);
  WorldRows rows;
  world.fill(0, 500, rows);
  for (std::size_t i = 0; i < rows.rows; ++i) {
    double reward = 0, chance = 0;
    for (std::size_t a = 0; a < 3; ++a) {
      reward += rows.reward[3 * i + a];
      chance += rows.logging[3 * i + a];
    }
    EXPECT_EQ(reward, 1);
    EXPECT_NEAR(chance, 1, 1e-12);
  }
  const SoftmaxFit fit = world.target();
  const ArgmaxPolicy target(fit.weight, fit.bias);
  double right = 0;
  for (const std::int64_t row : world.population()) {
    const auto i = static_cast<std::size_t>(row);
    std::vector<double> score(3);
    for (std::size_t a = 0; a < 3; ++a) {
      score[a] = fit.bias[a];
      for (std::size_t j = 0; j < 3; ++j)
        score[a] += fit.weight[3 * a + j] * data->context[3 * i + j];
    }
    const auto best = std::max_element(score.begin(), score.end()) - score.begin();
    right += best == data->label[i] ? 1 : 0;
  }
  right /= static_cast<double>(world.population().size());
  EXPECT_NEAR(world.value_of(target), right, 1e-12);
  EXPECT_GT(right, .7);
}

TEST_F(Simulations, ContradictionsAreRefused) {
  const auto error = [](const SimulateConfig& config) {
    return log_error([&] { config.check(); });
  };
  SimulateConfig config = tiny();
  config.world.label = "kind";
  EXPECT_THAT(error(config), HasSubstr("synthetic"));
  config = tiny();
  config.rows = {};
  EXPECT_THAT(error(config), HasSubstr("rows"));
  config = tiny();
  config.model = "none";
  EXPECT_THAT(error(config), HasSubstr("dm needs a model"));
  config = flowers();
  config.truth = "fresh";
  EXPECT_THAT(error(config), HasSubstr("population"));
  config = flowers();
  config.world.labelled.target_share = 1;
  EXPECT_THAT(log_error([&] { run(config, "run"); }), HasSubstr("too few"));
}

TEST_F(Simulations, TheShippedConfigNamesThePublishedFigures) {
  const std::string source = LOOPLINE_SOURCE_DIR;
  const SimulateConfig config =
      read_simulate_config(source + "/configs/bandit/ope_synthetic.yaml", {"seeds=2"});
  EXPECT_EQ(config.seeds, 2);
  ASSERT_EQ(config.published.size(), 12U);
  EXPECT_EQ(config.published[0].temperature, -5);
  EXPECT_EQ(config.published[0].rows, 1000000);
  EXPECT_EQ(config.published[0].name, "ips");
  EXPECT_EQ(config.published[0].value, 3.21e-3);
}

// The tables in docs/bandit_simulation.md: LOOPLINE_UPDATE_DOCS=1 writes them.
TEST_F(Simulations, TheDocumentedOptionsAreTheRealOnes) {
  SimulateConfig config;
  const std::string table =
      config::document_options([&](config::OptionVisitor& v) { config.describe(v); });
  const fs::path page_file = fs::path(LOOPLINE_SOURCE_DIR) / "docs/bandit_simulation.md";
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

}  // namespace
}  // namespace loopline::bandit
