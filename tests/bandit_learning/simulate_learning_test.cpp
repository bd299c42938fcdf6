#include "loopline/bandit_learning/simulate_learning.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "bandit/log_fixture.h"
#include "bandit_learning/learning_worlds.h"
#include "loopline/bandit/world_log.h"
#include "loopline/bandit_learning/learning_cell.h"
#include "loopline/bandit_learning/learning_summary.h"
#include "loopline/config/read_options.h"
#include "loopline/core/files.h"

namespace loopline::bandit_learning {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

class LearningSimulations : public bandit::LogFiles {
 protected:
  static LearningSimulationConfig small() {
    LearningSimulationConfig config;
    config.temperatures = {-3};
    config.rows = {300};
    config.seeds = 2;
    config.world.synthetic = {.actions = 5, .dimensions = 2, .degree = 3, .kept = .4};
    config.learning.objectives = {"ips", "banditnet", "beta_ips", "dr"};
    config.learning.lambda = {.2, .7};
    config.learning.model.kind = "ridge";
    config.learning.optimizer = {.lr = .05, .batch = 64};
    config.learning.epochs = 4;
    config.truth_rows = 500;
    return config;
  }

  std::string labels() const {
    const at::Tensor u = uniform_tensor(8, {300, 3});
    const auto at = u.accessor<double, 2>();
    std::string text = "width,kind,height\n";
    for (std::int64_t i = 0; i < 300; ++i) {
      const char* label = at[i][0] + .3 * at[i][2] > .8 ? "iris" : at[i][1] > .5 ? "rose" : "lily";
      text += std::to_string(at[i][0]) + "," + label + "," + std::to_string(at[i][1]) + "\n";
    }
    return file("labels.csv", text);
  }

  LearningSimulationConfig labelled() const {
    LearningSimulationConfig config = small();
    config.world.kind = "labelled";
    config.world.files = {labels()};
    config.world.label = "kind";
    config.world.features = {"width", "height"};
    config.learning.hidden = {8};
    return config;
  }

  Json run(const LearningSimulationConfig& config, const std::string& name,
           std::int64_t jobs = 1) const {
    const auto progress = run::silent_progress();
    return simulate_learning(config, path_of(name), jobs, *progress).summary;
  }

  std::string cell(const std::string& run, const std::string& name) const {
    return read_file(path_of(run) + "/cells/" + name + ".json");
  }
};

/// Without tensors: softmax of W x, action by action.
TrueValue by_enumeration(const SoftmaxNetwork& network, const std::vector<bandit::WorldRows>& all) {
  const at::Tensor weight = network.layers()[0].weight;
  TrueValue mean;
  double count = 0;
  for (const bandit::WorldRows& rows : all) count += static_cast<double>(rows.rows);
  for (const bandit::WorldRows& rows : all) {
    for (std::size_t i = 0; i < rows.rows; ++i) {
      double sum = 0, weighted = 0, best = 0, highest = -1e300, of_highest = 0;
      for (std::size_t a = 0; a < rows.actions; ++a) {
        double score = 0;
        for (std::size_t j = 0; j < rows.features; ++j) {
          score +=
              weight[static_cast<std::int64_t>(a)][static_cast<std::int64_t>(j)].item<double>() *
              rows.context[i * rows.features + j];
        }
        const double q = rows.reward[i * rows.actions + a];
        sum += std::exp(score);
        weighted += std::exp(score) * q;
        best = std::max(best, q);
        mean.uniform += q / static_cast<double>(rows.actions) / count;
        mean.logging += q * rows.logging[i * rows.actions + a] / count;
        if (score <= highest) continue;
        highest = score;
        of_highest = q;
      }
      mean.value += weighted / sum / count;
      mean.argmax += of_highest / count;
      mean.best += best / count;
    }
  }
  return mean;
}

void expect_equal(const TrueValue& a, const TrueValue& b) {
  EXPECT_NEAR(a.value, b.value, 1e-12);
  EXPECT_NEAR(a.argmax, b.argmax, 1e-12);
  EXPECT_NEAR(a.best, b.best, 1e-12);
  EXPECT_NEAR(a.uniform, b.uniform, 1e-12);
  EXPECT_NEAR(a.logging, b.logging, 1e-12);
}

LearningCell cell_of(const bandit::CellKey& problem, const std::string& objective,
                     const TrueValue& truth, const std::vector<double>& variance) {
  LearningCell cell;
  cell.key.problem = problem;
  cell.key.objective = objective;
  cell.truth = truth;
  cell.gradient_variance = variance;
  cell.baseline.assign(variance.size(), .5);
  return cell;
}

TEST_F(LearningSimulations, TrueValuesAreThoseOfEnumeration) {
  const SoftmaxNetwork network =
      moved_network({.features = 2, .hidden = {}, .actions = 5, .bias = false});
  const bandit::SyntheticWorld world(small().world.synthetic, -3, {.seed = 7}, 300);
  std::vector<bandit::WorldRows> fresh(1);
  world.elsewhere(bandit::WorldPart::kFresh).fill(0, 1500, fresh[0]);
  const TrueValue value = true_value(network, world, 1500);
  expect_equal(value, by_enumeration(network, fresh));
  EXPECT_GT(value.best, value.argmax);
  EXPECT_LT(value.logging, value.uniform);
}

TEST_F(LearningSimulations, ALabelledTruthIsItsPopulationOnce) {
  const LearningSimulationConfig config = labelled();
  const auto data = bandit::read_data(config);
  const bandit::LabelledWorld world(data, config.world.labelled, -3, {.seed = 1});
  const SoftmaxNetwork network =
      moved_network({.features = 2, .hidden = {}, .actions = 3, .bias = false});
  const TrueValue value = true_value(network, world, 10);
  // Each row's own label is its one rewarded action.
  double stochastic = 0;
  for (const std::int64_t row : world.population()) {
    double sum = 0, own = 0;
    for (std::int64_t a = 0; a < 3; ++a) {
      double score = 0;
      for (std::int64_t j = 0; j < 2; ++j) {
        score += network.layers()[0].weight[a][j].item<double>() *
                 data->context[static_cast<std::size_t>(2 * row + j)];
      }
      sum += std::exp(score);
      if (a == data->label[static_cast<std::size_t>(row)]) own = std::exp(score);
    }
    stochastic += own / sum / static_cast<double>(world.population().size());
  }
  EXPECT_NEAR(value.value, stochastic, 1e-12);
  EXPECT_EQ(value.best, 1);
  EXPECT_NEAR(value.uniform, 1. / 3, 1e-12);
}

TEST_F(LearningSimulations, ACellIsThatOfTheLearnerOnTheSameLog) {
  LearningSimulationConfig config = small();
  const LearningCellKey key{{-3, 300, 5}, "beta_ips"};
  const LearningCell cell = learn_in_world(config, nullptr, key);
  // The log by hand, in the world's order.
  const bandit::SyntheticWorld world(config.world.synthetic, -3, {.seed = 5}, 300);
  bandit::WorldRows all;
  world.fill(0, 300, all);
  const bandit::LogBlock log = world.decide(all);
  const LearningRows rows{at::tensor(log.context, at::kDouble).view({300, 2}),
                          at::tensor(log.action, at::kLong), at::tensor(log.reward, at::kDouble),
                          at::tensor(log.propensity, at::kDouble)};
  LearnOptions options;
  options.lr = .05;
  options.batch = 64;
  options.epochs = 4;
  options.seed = 5;
  const Learned learned =
      learn(rows, {.features = 2, .hidden = {}, .actions = 5, .bias = true}, options);
  ASSERT_EQ(cell.gradient_variance.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(cell.gradient_variance[i], learned.trace[i].gradient_variance);
    EXPECT_EQ(cell.baseline[i], learned.trace[i].baseline);
  }
  expect_equal(cell.truth, true_value(learned.network, world, 500));
  EXPECT_FALSE(cell.lambda);
}

TEST_F(LearningSimulations, BanditNetsLambdaIsTheOneWithTheHighestSnips) {
  LearningSimulationConfig config = small();
  const LearningCellKey key{{-3, 300, 2}, "banditnet"};
  const bandit::SyntheticWorld world(config.world.synthetic, -3, {.seed = 2}, 300);
  bandit::WorldRows all;
  world.fill(0, 300, all);
  const bandit::LogBlock log = world.decide(all);
  const LearningRows rows{at::tensor(log.context, at::kDouble).view({300, 2}),
                          at::tensor(log.action, at::kLong), at::tensor(log.reward, at::kDouble),
                          at::tensor(log.propensity, at::kDouble)};
  config.learning.lambda = {.1, .3, .5, .7, .9};
  double highest = -1, best = 0;
  for (const double lambda : config.learning.lambda) {
    LearnOptions options = learn_options(config, "banditnet", 2);
    options.epochs = 2;  // half of them
    options.objective.lambda = lambda;
    const SoftmaxNetwork network = learn(rows, {.features = 2, .actions = 5}, options).network;
    const at::Tensor p = network.probabilities(rows.features);
    const at::Tensor w = p.gather(1, rows.action.unsqueeze(1)).squeeze(1) / rows.propensity;
    const double snips = ((w * rows.reward).sum() / w.sum()).item<double>();
    if (snips <= highest) continue;
    highest = snips;
    best = lambda;
  }
  const LearningCell chosen = learn_in_world(config, nullptr, key);
  EXPECT_EQ(chosen.lambda, best);
  config.learning.lambda = {best};
  EXPECT_EQ(learn_in_world(config, nullptr, key).to_json(), chosen.to_json());
}

TEST_F(LearningSimulations, GoOnWhereTheyWere) {
  LearningSimulationConfig config = small();
  const Json straight = run(config, "straight");
  EXPECT_EQ(straight["cells"], 8);
  EXPECT_EQ(straight["missing"], 0);
  config.seeds = 1;
  run(config, "parts");
  const std::string name = "temperature_-3_rows_300_seed_0_beta_ips";
  Json edited = Json::parse(cell("parts", name));
  edited["value"] = 5;  // a finished cell is not made again
  write_file_atomically(path_of("parts/cells/" + name + ".json"), edited.dump());
  config.seeds = 2;
  run(config, "parts");
  EXPECT_EQ(Json::parse(cell("parts", name))["value"], 5);
  fs::remove(path_of("parts/cells/" + name + ".json"));
  EXPECT_EQ(run(config, "parts").dump(), straight.dump());
  for (const auto& entry : fs::directory_iterator(path_of("straight") + "/cells")) {
    const std::string bytes = read_file(entry.path());
    EXPECT_EQ(bytes, cell("parts", entry.path().stem().string()));
    EXPECT_EQ(std::count(bytes.begin(), bytes.end(), '\n'), 1) << "one line a cell";
  }
}

TEST_F(LearningSimulations, ObjectivesMayBeAddedOtherSettingsAreRefused) {
  LearningSimulationConfig config = small();
  config.learning.objectives = {"beta_ips", "banditnet", "dr"};
  run(config, "run");
  config.learning.objectives.push_back("snips");
  EXPECT_EQ(run(config, "run")["cells"], 8);
  config.learning.epochs = 5;
  EXPECT_THAT(bandit::log_error([&] { run(config, "run"); }),
              HasSubstr("learning.epochs is 4 there, not 5"));
}

TEST_F(LearningSimulations, JobsChangeNoByte) {
  for (const LearningSimulationConfig& config : {small(), labelled()}) {
    const std::string kind = config.world.kind;
    EXPECT_EQ(run(config, kind + "1").dump(), run(config, kind + "2", 2).dump());
    for (const auto& entry : fs::directory_iterator(path_of(kind + "1") + "/cells")) {
      EXPECT_EQ(read_file(entry.path()), cell(kind + "2", entry.path().stem().string()));
    }
  }
}

// beta-IPS against IPS as in the paper, in kind: from the log of a bad policy.
TEST_F(LearningSimulations, BetaIpsLearnsMoreFromABadPolicysLogThanIps) {
  LearningSimulationConfig config = small();
  config.world.synthetic = {.actions = 20, .dimensions = 3, .degree = 3, .kept = .3};
  config.world.synthetic.reference_z_score = true;
  config.rows = {4000};
  config.seeds = 5;
  config.learning.objectives = {"ips", "beta_ips"};
  config.learning.lambda = {};
  config.learning.model.kind = "none";
  config.learning.epochs = 15;
  const Json summary = run(config, "run");
  const Json &ips = summary["rows"][0], &beta = summary["rows"][1];
  EXPECT_LT(ips["value"]["mean"], beta["value"]["mean"]);
  EXPECT_LT(beta["gradient_variance"]["mean"], .5 * ips["gradient_variance"]["mean"].get<double>());
  EXPECT_GT(beta["argmax_value"]["mean"], beta["uniform"]);
  EXPECT_LT(beta["argmax_value"]["mean"], beta["best"]);
}

TEST_F(LearningSimulations, SummariesAgainstHandWork) {
  LearningSimulationConfig config = small();
  config.rows = {10};
  config.seeds = 3;
  config.learning.objectives = {"banditnet", "beta_ips"};
  config.published.argmax_value = {{-3, 10, "banditnet", .9}};
  config.published.gradient_variance = {{-3, 10, "banditnet", .1}, {-3, 99, "banditnet", .2}};
  std::vector<LearningCell> cells;
  for (std::int64_t seed = 0; seed < 3; ++seed) {
    const double x = static_cast<double>(seed);
    cells.push_back(cell_of({-3, 10, seed}, "banditnet", {.3 + x / 10, .5, .9, .2, .1}, {4, x}));
    cells.back().lambda = .7;
    cells.push_back(cell_of({-3, 10, seed}, "beta_ips", {.6, .5 + x / 100, .9, .2, .1}, {2, 1}));
  }
  cells.pop_back();  // of the last seed
  const Json summary = summarise_learning(config, cells);
  EXPECT_EQ(summary["missing"], 1);
  const Json& row = summary["rows"][0];
  EXPECT_EQ(row["seeds"], 3);
  EXPECT_NEAR(row["value"]["mean"], .4, 1e-15);
  // t with 2 degrees of freedom at 95 %: 4.302653; standard error .1 / sqrt 3.
  EXPECT_NEAR(row["value"]["low"], .4 - 4.302653 * .1 / std::sqrt(3.), 1e-6);
  EXPECT_NEAR(row["best"], .9, 1e-15);
  EXPECT_EQ(row["gradient_variance"]["mean"], 1);
  EXPECT_EQ(row["gradient_variance_by_epoch"], Json::parse("[4.0, 1.0]"));
  EXPECT_EQ(row["lambda"], Json::parse("[0.7, 0.7, 0.7]"));
  EXPECT_EQ(row["published"], Json::parse(R"({"argmax_value": 0.9, "gradient_variance": 0.1})"));
  // Differences 0 and -.01 of two seeds: mean -.005, standard error .005.
  EXPECT_EQ(row["versus_beta_ips"]["seeds"], 2);
  EXPECT_NEAR(row["versus_beta_ips"]["t"], -1, 1e-9);
  EXPECT_EQ(row["versus_beta_ips"]["verdict"], "tied");
  EXPECT_FALSE(summary["rows"][1].contains("versus_beta_ips"));
  EXPECT_FALSE(summary["rows"][1].contains("lambda"));
}

TEST_F(LearningSimulations, CellsGoToFilesAndBack) {
  LearningCell cell = cell_of({-4.5, 10, 3}, "banditnet", {.1, .2, .3, .4, .5}, {1e-7, 2});
  cell.lambda = .65;
  const Json json = cell.to_json();
  EXPECT_EQ(LearningCell::from_json(json, "here").to_json(), json);
  EXPECT_EQ(cell.key.name(), "temperature_-4.5_rows_10_seed_3_banditnet");
  Json damaged = json;
  damaged.erase("best");
  try {
    LearningCell::from_json(damaged, "here");
    ADD_FAILURE() << "a damaged cell was read";
  } catch (const Error& e) {
    EXPECT_EQ(e.exit_code(), ExitCode::kFailure);
    EXPECT_THAT(e.what(), HasSubstr("here: is damaged"));
  }
}

TEST_F(LearningSimulations, ContradictionsAreRefused) {
  const auto error = [](auto change) {
    LearningSimulationConfig config = small();
    change(config);
    return bandit::log_error([&] { config.check(); });
  };
  using Config = LearningSimulationConfig;
  EXPECT_THAT(error([](Config& c) { c.learning.lambda = {}; }),
              HasSubstr("banditnet needs learning.lambda"));
  EXPECT_THAT(error([](Config& c) { c.learning.model.kind = "none"; }),
              HasSubstr("dr needs learning.model"));
  EXPECT_EQ(error([](Config& c) { c.learning.objectives = {"ips"}; }), "no error");
  EXPECT_THAT(error([](Config& c) { c.learning.objectives = {"dr", "dr"}; }), HasSubstr("twice"));
  EXPECT_THAT(error([](Config& c) { c.learning.objectives = {}; }), HasSubstr("there is none"));
  EXPECT_THAT(error([](Config& c) { c.learning.hidden = {0}; }),
              HasSubstr("learning.policy.hidden"));
  EXPECT_THAT(error([](Config& c) { c.rows = {}; }), HasSubstr("rows"));
  const auto read = [&](const std::string& text) {
    return bandit::log_error([&] { read_learning_simulation(file("c.yaml", text)); });
  };
  EXPECT_THAT(read("rows: [10]\nlearning: {objectives: [ipz]}\n"), HasSubstr("ipz"));
  EXPECT_THAT(read("rows: [10]\nlearning: {}\nestimators: [ips]\n"), HasSubstr("estimators"));
  EXPECT_THAT(read("rows: [10]\nlearning: {}\npublished: {mse: {}}\n"), HasSubstr("argmax_value"));
  EXPECT_THAT(read("rows: [10]\nlearning: {}\npublished: {value: {1: {10: {x: 1}}}}\n"),
              HasSubstr("no objective 'x'"));
}

TEST_F(LearningSimulations, TheShippedConfigIsThePapersSetUp) {
  const LearningSimulationConfig config = read_learning_simulation(
      std::string(LOOPLINE_SOURCE_DIR) + "/configs/bandit/opl_synthetic.yaml", {"seeds=2"});
  EXPECT_EQ(config.seeds, 2);
  EXPECT_EQ(config.temperatures, std::vector<double>{-4});
  EXPECT_EQ(config.learning.optimizer.batch, 1024);
  EXPECT_FALSE(config.learning.bias);
  const bandit::CellKey key{-4, 250000, 0};
  EXPECT_EQ(bandit::published_figure(config.published.argmax_value, key, "beta_ips"), .96);
  EXPECT_EQ(config.published.gradient_variance.size(), 3U);
}

// The tables in docs/bandit_simulation.md: LOOPLINE_UPDATE_DOCS=1 writes them.
TEST_F(LearningSimulations, TheDocumentedOptionsAreTheRealOnes) {
  LearningSimulationConfig config;
  const std::string table =
      config::document_options([&](config::OptionVisitor& v) { config.describe(v); });
  const fs::path page_file = fs::path(LOOPLINE_SOURCE_DIR) / "docs/bandit_simulation.md";
  std::string page = read_file(page_file);
  const std::size_t begin = page.find("-->\n", page.find("<!-- learning options")) + 4;
  const std::size_t end = page.find("<!-- end of learning options");
  ASSERT_LE(begin, end);
  if (std::getenv("LOOPLINE_UPDATE_DOCS") != nullptr) {
    write_file_atomically(page_file, page.replace(begin, end - begin, table));
    return;
  }
  EXPECT_EQ(page.substr(begin, end - begin), table) << "write it again with LOOPLINE_UPDATE_DOCS=1";
}

}  // namespace
}  // namespace loopline::bandit_learning
