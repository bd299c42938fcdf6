#include "loopline/bandit/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "bandit/log_fixture.h"
#include "loopline/bandit/softmax_policy.h"
#include "loopline/bandit/table_policy.h"
#include "loopline/core/files.h"

namespace loopline::bandit {
namespace {

using ::testing::AllOf;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pointwise;

using Policies = LogFiles;

LogBlock three_rows() {
  LogBlock block;
  block.first_row = 10;
  block.action = {0, 2, 1};
  block.reward = {1, 0, 1};
  block.propensity = {.5, .25, .25};
  block.position = {1, 2, 1};
  return block;
}

std::vector<double> answer(const Policy& policy, const LogBlock& block, std::size_t row) {
  std::vector<double> probability;
  policy.answer(block, row, probability);
  return probability;
}

TEST_F(Policies, UniformOverTheFixedSetOrTheRowsOwn) {
  const UniformPolicy policy(4);
  LogBlock block = three_rows();
  EXPECT_THAT(answer(policy, block, 1), ElementsAre(.25, .25, .25, .25));
  EXPECT_EQ(policy.logged(block, 1), .25);
  block.sets.offset = {0, 1, 6, 8};
  EXPECT_THAT(answer(policy, block, 2), ElementsAre(.5, .5));
  EXPECT_EQ(policy.logged(block, 1), .2);
  EXPECT_THAT(log_error([] { UniformPolicy(2).logged(three_rows(), 1); }),
              HasSubstr("row 11 of the log: the logged action 2 is not among the policy's 2"));
}

TEST_F(Policies, TheColumnAnswersForTheLoggedActionOnly) {
  const ColumnPolicy policy;
  LogBlock block = three_rows();
  EXPECT_THAT(log_error([&] { policy.logged(block, 0); }), HasSubstr("log.target"));
  block.target = {.1, .2, .3};
  EXPECT_EQ(policy.logged(block, 2), .3);
  EXPECT_FALSE(policy.answers_all());
}

TEST_F(Policies, EpsilonMixesInTheUniformPolicy) {
  const std::string path = file("p.csv", "action,probability\n0,1\n1,0\n");
  const EpsilonPolicy policy(std::make_unique<TablePolicy>(path, TableColumns{}), .2);
  LogBlock block = three_rows();
  EXPECT_THAT(answer(policy, block, 0), ElementsAre(DoubleNear(.9, 1e-15), DoubleNear(.1, 1e-15)));
  EXPECT_NEAR(policy.logged(block, 2), .1, 1e-15);
}

TEST_F(Policies, ATableByActionLeavesUnlistedActionsOut) {
  const std::string path = file("p.csv", "p,a,note\n0.25,2,x\n0.75,0,y\n");
  const TablePolicy policy(path, {.action = "a", .position = {}, .probability = "p"}, 4);
  EXPECT_EQ(policy.actions(), 4);
  EXPECT_THAT(answer(policy, three_rows(), 0), ElementsAre(.75, 0, .25, 0));
  EXPECT_EQ(policy.logged(three_rows(), 1), .25);
}

TEST_F(Policies, ATableByPositionAndNamesOfActions) {
  const std::string names = file("names.txt", "tea\nmilk\nrum\n");
  const std::string path =
      file("p.csv", "action,position,probability\ntea,1,1\nrum,2,.5\nmilk,2,0.5\n");
  TableColumns columns;
  columns.position = "position";
  const TablePolicy policy(path, columns, std::nullopt, names);
  EXPECT_THAT(answer(policy, three_rows(), 0), ElementsAre(1, 0, 0));
  EXPECT_THAT(answer(policy, three_rows(), 1), ElementsAre(0, .5, .5));
  LogBlock block = three_rows();
  block.position[2] = 7;
  EXPECT_THAT(log_error([&] { policy.logged(block, 2); }),
              HasSubstr("row 12 of the log: the table has no position 7"));
  block.position.clear();
  EXPECT_THAT(log_error([&] { policy.logged(block, 2); }), HasSubstr("log.position"));
}

TEST_F(Policies, RefusesTablesThatAreNoProbabilities) {
  const auto error = [&](const std::string& rows, std::optional<std::int64_t> actions = {}) {
    const std::string path = file("p.csv", "action,probability\n" + rows);
    return log_error([&] { TablePolicy(path, {}, actions); });
  };
  EXPECT_THAT(error("0,0.5\n1,0.4\n"), HasSubstr("sum to 0.900000, not 1"));
  EXPECT_EQ(error("0,0.5\n1,0.4999995\n"), "no error");
  EXPECT_THAT(error("0,0.5\n1,0.499998\n"), HasSubstr("not 1"));
  EXPECT_THAT(error("0,1.5\n1,-0.5\n"), HasSubstr("p.csv:2: column \"probability\""));
  EXPECT_THAT(error("0,0.5\n0,0.5\n"), HasSubstr("action 0 is listed twice"));
  EXPECT_THAT(error("0,0.5\n3,0.5\n", 3), AllOf(HasSubstr("p.csv:3"), Not(HasSubstr("bad_rows"))));
  EXPECT_THAT(error("0,x\n"), HasSubstr("p.csv:2"));
  TableColumns columns;
  columns.position = "position";
  const std::string path = file("p.csv", "action,position,probability\n0,1,1\n0,2,0.5\n1,2,0.6\n");
  EXPECT_THAT(log_error([&] { TablePolicy(path, columns); }),
              HasSubstr("at position 2 sum to 1.1"));
}

TEST_F(Policies, FixedPoliciesRefuseActionSets) {
  LogBlock block = three_rows();
  block.sets.offset = {0, 3, 6, 9};
  const TablePolicy policy(file("p.csv", "action,probability\n0,1\n"), {});
  EXPECT_THAT(log_error([&] { policy.logged(block, 0); }), HasSubstr("fixed set of actions"));
}

class GivenPolicy : public Policy {
 public:
  explicit GivenPolicy(std::vector<double> probability) : probability_(std::move(probability)) {}

 protected:
  void fill(const LogBlock&, std::size_t, std::vector<double>& probability) const override {
    probability = probability_;
  }

 private:
  std::vector<double> probability_;
};

TEST_F(Policies, AnswersAreCheckedAndTheRowIsNamed) {
  const auto error = [](std::vector<double> probability) {
    return log_error([&] { answer(GivenPolicy(std::move(probability)), three_rows(), 1); });
  };
  EXPECT_EQ(error({.25, .25, .5}), "no error");
  EXPECT_THAT(error({.25, .25, .5 + 2e-6}), HasSubstr("row 11 of the log"));
  EXPECT_THAT(error({.75, .75, -.5}), HasSubstr("action 2 the probability -0.5"));
  EXPECT_THAT(error({std::nan(""), .5, .5}), HasSubstr("action 0"));
  EXPECT_THAT(error({.5, .5}), HasSubstr("logged action 2"));
}

SoftmaxPolicyData two_features() {
  SoftmaxPolicyData data;
  data.encoding.context = FeatureEncoding({{"age", false, {}}, {"city", true, {"Rome"}}});
  data.weight = {1, 2, 0, -1, .5, .25, 0, 0, 0};
  data.bias = {0, 1, -2};
  data.temperature = 2;
  data.action_names = {"a", "b", "c"};
  data.trained_on = {"0123", "4567"};
  return data;
}

TEST_F(Policies, SoftmaxIsTheFormula) {
  LogBlock block = three_rows();
  block.features = 3;
  block.context = {0, 0, 0, 3, 1, 0, 800, 0, 1};
  SoftmaxPolicyData data = two_features();
  // Scores of row 1: (3 + 2), (-3 + .5 + 1), -2; over the temperature 2.5, -.75, -1.
  const double sum = std::exp(2.5) + std::exp(-.75) + std::exp(-1);
  const std::vector<double> expected = {std::exp(2.5) / sum, std::exp(-.75) / sum,
                                        std::exp(-1) / sum};
  EXPECT_THAT(answer(SoftmaxPolicy(data), block, 1), Pointwise(DoubleNear(1e-15), expected));
  EXPECT_THAT(answer(SoftmaxPolicy(data), block, 2), ElementsAre(1, 0, DoubleNear(0, 1e-100)));
  data.bias.clear();
  EXPECT_THAT(answer(SoftmaxPolicy(data), block, 0), ElementsAre(1 / 3., 1 / 3., 1 / 3.));
}

TEST_F(Policies, ASavedPolicyComesBackBitForBit) {
  SoftmaxPolicyData data = two_features();
  data.weight[4] = 0.1 + 0.2;
  const std::string path = path_of("policy.safetensors");
  write_softmax_policy(path, data);
  SoftmaxPolicyData back = read_softmax_policy(path);
  EXPECT_EQ(back.weight, data.weight);
  EXPECT_EQ(back.bias, data.bias);
  EXPECT_EQ(back.temperature, data.temperature);
  EXPECT_EQ(back.encoding, data.encoding);
  EXPECT_EQ(back.action_names, data.action_names);
  EXPECT_EQ(back.trained_on, data.trained_on);
  data.bias.clear();
  write_softmax_policy(path, data);
  EXPECT_TRUE(read_softmax_policy(path).bias.empty());
}

SoftmaxPolicyData with_hidden_layer() {
  SoftmaxPolicyData data = two_features();
  data.hidden = {{.width = 2, .weight = {1, 0, -1, -2, 1, 0}, .bias = {.5, 0}}};
  data.weight = {1, -1, 2, 0, 0, 3};
  data.temperature = 1;
  return data;
}

TEST_F(Policies, HiddenLayersAreRectified) {
  LogBlock block = three_rows();
  block.features = 3;
  block.context = {0, 0, 0, 2, 1, 1, -1, 0, 0};
  // Row 1: y = (max(0, 2 - 1 + .5), max(0, -4 + 1)) = (1.5, 0), scores (1.5, 3 + 1, -2).
  double sum = std::exp(1.5) + std::exp(4) + std::exp(-2);
  const SoftmaxPolicy policy(with_hidden_layer());
  EXPECT_THAT(answer(policy, block, 1),
              Pointwise(DoubleNear(1e-15),
                        std::vector{std::exp(1.5) / sum, std::exp(4) / sum, std::exp(-2) / sum}));
  // Row 2: y = (0, 2), scores (-2, 1, 6 - 2).
  sum = std::exp(-2) + std::exp(1) + std::exp(4);
  EXPECT_NEAR(policy.logged(block, 2), std::exp(1) / sum, 1e-15);
}

TEST_F(Policies, APolicyWithHiddenLayersIsAnotherVersionAndComesBack) {
  const std::string path = path_of("policy.safetensors");
  const SoftmaxPolicyData data = with_hidden_layer();
  write_softmax_policy(path, data);
  EXPECT_THAT(read_file(path), HasSubstr(kHiddenSoftmaxSchema));
  const SoftmaxPolicyData back = read_softmax_policy(path);
  ASSERT_EQ(back.hidden.size(), 1U);
  EXPECT_EQ(back.hidden[0].width, 2U);
  EXPECT_EQ(back.hidden[0].weight, data.hidden[0].weight);
  EXPECT_EQ(back.hidden[0].bias, data.hidden[0].bias);
  EXPECT_EQ(back.weight, data.weight);
  write_softmax_policy(path, two_features());
  EXPECT_THAT(read_file(path), HasSubstr(kSoftmaxSchema));
  write_softmax_policy(path, data);
  std::string text = read_file(path);
  text.replace(text.find("[2,3]"), 5, "[3,2]");
  EXPECT_THAT(log_error([&] { read_softmax_policy(file("d.safetensors", text)); }),
              HasSubstr("a hidden layer is not one of 3 inputs"));
}

TEST_F(Policies, ADamagedPolicyIsAnErrorThatNamesIt) {
  const std::string path = path_of("policy.safetensors");
  write_softmax_policy(path, two_features());
  const std::string whole = read_file(path);
  const auto error = [&](const std::string& from, const std::string& to) {
    std::string text = whole;
    const std::size_t place = text.find(from);
    EXPECT_NE(place, std::string::npos) << from;
    EXPECT_EQ(from.size(), to.size());
    text.replace(place, from.size(), to);
    const std::string damaged = file("damaged.safetensors", text);
    return log_error([&] { read_softmax_policy(damaged); });
  };
  EXPECT_THAT(error("bandit.policy/1", "bandit.policy/3"), HasSubstr("damaged.safetensors"));
  EXPECT_THAT(error("\\\"temperature\\\":2.0", "\\\"temperature\\\":0.0"),
              HasSubstr("temperature is not positive"));
  EXPECT_THAT(error("\\\"age\\\"", "\\\"agE\\\""), "no error");
  EXPECT_THAT(error("trained_on", "trained_in"), HasSubstr("trained_on"));
  EXPECT_THAT(error("[3,3]", "[9,1]"), HasSubstr("weights"));
  std::string cut = whole.substr(0, whole.size() - 8);
  EXPECT_THAT(log_error([&] { read_softmax_policy(file("cut.safetensors", cut)); }),
              HasSubstr("cut.safetensors"));
  EXPECT_THAT(log_error([&] { read_softmax_policy(path_of("none")); }), HasSubstr("no such file"));
}

TEST_F(Policies, ALogIsRecognisedWhateverItIsCalled) {
  const std::string text = "action,reward,propensity\n0,1,0.5\n";
  const auto first = log_marks(csv(file("a.csv", text)), {});
  const auto second = log_marks(csv(file("b.csv", text)), {});
  EXPECT_EQ(first, second);
  EXPECT_EQ(first.size(), 2U);
  EXPECT_NE(log_marks(csv(file("c.csv", text + "0,1,0.25\n")), {})[1], first[1]);
}

}  // namespace
}  // namespace loopline::bandit
