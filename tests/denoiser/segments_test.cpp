#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loopline/core/error.h"
#include "loopline/denoiser/model.h"
#include "support/peak_memory.h"
#include "support/tiny_bundle.h"

namespace loopline::denoiser {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

const std::vector<std::string> kFour{"segment_0", "segment_1", "segment_2", "segment_3"};

Model deep(const std::vector<std::string>& segments = kFour, const std::string& more_source = "",
           int blocks = 8, tensor::Precision precision = tensor::Precision::kFloat32) {
  const auto path = testing::fresh_directory("segments");
  testing::write_deep_model(path, blocks, segments, more_source);
  return load_model(path, at::kCPU, precision);
}

/// A minibatch: rows that all differ, with timesteps that differ.
struct Rows {
  at::Tensor latents, timesteps;
  Condition conditional, unconditional;

  explicit Rows(std::int64_t count, double phase = 0) {
    latents = at::sin(at::arange(count * 48, at::kFloat) * 0.37 + phase).reshape({count, 3, 4, 4});
    timesteps = at::arange(count, at::kLong) * 7 % 100;
    conditional.add("text",
                    at::cos(at::arange(count * 4, at::kFloat) + phase).reshape({count, 2, 2}));
    unconditional.add("text", at::full({count, 2, 2}, 0.25));
  }
};

using Gradients = std::map<std::string, at::Tensor>;  ///< undefined: none

/// The gradients that are there now, and none afterwards.
Gradients take_gradients(const Denoiser& denoiser) {
  Gradients gradients;
  for (const auto& [name, parameter] : denoiser.parameters()) {
    at::Tensor shared = parameter;
    gradients[name] = shared.grad();
    shared.mutable_grad() = at::Tensor();
  }
  return gradients;
}

/// Output and gradients of a loss on it.
struct Result {
  at::Tensor output;
  Gradients gradients;
};

Result train_on(Denoiser& denoiser, const Rows& rows, bool recompute, double guidance = 1) {
  denoiser.set_recompute(recompute);
  const at::Tensor output = predict_guided(denoiser, rows.latents, rows.timesteps, rows.conditional,
                                           rows.unconditional, guidance);
  output.square().mean().backward();
  return {output.detach(), take_gradients(denoiser)};
}

/// Bit for bit, but for "time": its gradient comes from every block, and the sum of a segment's
/// part is made before it joins the others', so that rounding differs by a few units of `unit`.
void expect_equal(const Gradients& gradients, const Gradients& expected, double unit = 0x1p-24) {
  ASSERT_EQ(gradients.size(), expected.size());
  for (const auto& [name, gradient] : expected) {
    const at::Tensor& other = gradients.at(name);
    ASSERT_EQ(other.defined(), gradient.defined()) << name;
    if (!gradient.defined()) continue;
    const double largest = gradient.abs().max().item<double>();
    EXPECT_GT(largest, 0) << name;
    const double apart = (other - gradient).abs().max().item<double>();
    EXPECT_LE(apart, name == "time" ? 8 * unit * largest : 0) << name;
  }
}

void expect_equal_with_and_without(Denoiser& denoiser, double guidance = 1, double unit = 0x1p-24) {
  const Rows rows(6);
  const Result expected = train_on(denoiser, rows, false, guidance);
  const Result result = train_on(denoiser, rows, true, guidance);
  EXPECT_TRUE(at::equal(result.output, expected.output));
  expect_equal(result.gradients, expected.gradients, unit);
}

TEST(Segments, GiveOutputAndGradientsBitForBit) {
  Model model = deep();
  expect_equal_with_and_without(*model.denoiser);
}

TEST(Segments, GiveTheSameUnderAutocast) {
  Model model = deep(kFour, "", 8, tensor::Precision::kBFloat16);
  expect_equal_with_and_without(*model.denoiser, 1, 0x1p-8);
}

TEST(Segments, GiveTheSameWithGuidance) {
  Model model = deep();
  expect_equal_with_and_without(*model.denoiser, 3);
}

TEST(Segments, GiveTheSameWithFrozenParameters) {
  Model model = deep();
  for (const char* trained : {"block_0", "block_3", "block_7", "time", "first", "text"}) {
    const auto chosen = select_trainable(*model.denoiser, {trained});
    expect_equal_with_and_without(*model.denoiser);
    EXPECT_EQ(chosen.size(), 1U);
  }
}

TEST(Segments, GiveTheSameForAChangedWeight) {
  Model model = deep();
  train_on(*model.denoiser, Rows(6), true);
  {
    const at::NoGradGuard no_grad;
    at::Tensor weight = model.denoiser->parameters().at("block_2");
    weight.mul_(1.5);
  }
  expect_equal_with_and_without(*model.denoiser);
}

TEST(Segments, BearSeveralForwardsBeforeABackward) {
  Model model = deep();
  Denoiser& denoiser = *model.denoiser;
  const auto together = [&](bool recompute) {
    denoiser.set_recompute(recompute);
    const Rows a(3), b(5, 1);
    const at::Tensor first = denoiser.predict(a.latents, a.timesteps, a.conditional);
    const at::Tensor second = denoiser.predict(b.latents, b.timesteps, b.conditional);
    (first.square().sum() + second.square().sum()).backward();
    return take_gradients(denoiser);
  };
  // A parameter's two gradients are added within the graph there, in .grad here: a + b either way.
  expect_equal(together(true), together(false));
}

TEST(Segments, AddToGradientsThatAreThere) {
  Model model = deep();
  Denoiser& denoiser = *model.denoiser;
  const auto twice = [&](bool recompute) {
    denoiser.set_recompute(recompute);
    for (const double phase : {0., 1.}) {
      const Rows rows(3, phase);
      denoiser.predict(rows.latents, rows.timesteps, rows.conditional).square().sum().backward();
    }
    return take_gradients(denoiser);
  };
  expect_equal(twice(true), twice(false));
}

// `odd_0` has an output that nobody uses, and so no gradient comes back for it.
TEST(Segments, MayReturnWhatNobodyUses) {
  Model model = deep({"odd_0", "odd_1", "segment_2", "segment_3"}, R"(
def odd_0(self, x, t, c):
    x, t, c, h, e, skip = self.segment_0(x, t, c)
    return x, t, c, h, e, skip, h * 2, t + 1

def odd_1(self, x, t, c, h, e, skip, spare, later):
    return self.segment_1(x, t, c, h, e, skip)
)");
  expect_equal_with_and_without(*model.denoiser);
}

// Views of inputs and of each other leave a segment as any tensor does.
TEST(Segments, MayReturnViews) {
  Model model = deep({"cut_0", "cut_1", "segment_2", "segment_3"}, R"(
def cut_0(self, x, t, c):
    x, t, c, h, e, skip = self.segment_0(x, t, c)
    low, high = h[:, :8], h[:, 8:]
    return x.reshape(-1, 48), t, c, low, high, e, skip

def cut_1(self, x, t, c, low, high, e, skip):
    return self.segment_1(x.reshape(-1, 3, 4, 4), t, c, torch.cat([low, high], 1), e, skip)
)");
  expect_equal_with_and_without(*model.denoiser);
}

TEST(Segments, AreNotUsedWithoutGradients) {
  Model model = deep();
  model.denoiser->set_recompute(true);
  const Rows rows(2);
  const at::NoGradGuard no_grad;
  EXPECT_FALSE(
      model.denoiser->predict(rows.latents, rows.timesteps, rows.conditional).requires_grad());
}

TEST(Segments, OutliveTheDenoiserInTheGraph) {
  Model model = deep();
  model.denoiser->set_recompute(true);
  const Rows rows(2);
  const at::Tensor weight = model.denoiser->parameters().at("block_0");
  const at::Tensor output = model.denoiser->predict(rows.latents, rows.timesteps, rows.conditional);
  model.denoiser.reset();
  output.sum().backward();
  EXPECT_TRUE(weight.grad().defined());
}

TEST(Segments, FailureOfARecomputationIsOneClearError) {
  Model model = deep();
  model.denoiser->set_recompute(true);
  const Rows rows(2);
  const at::Tensor output = model.denoiser->predict(rows.latents, rows.timesteps, rows.conditional);
  model.denoiser->parameters().at("block_0").set_data(at::zeros({16, 5, 3, 3}));
  EXPECT_THAT([&] { output.sum().backward(); },
              ThrowsMessage<Error>(AllOf(HasSubstr("denoiser.ts: the network failed: "),
                                         ::testing::Not(HasSubstr("\n")))));
}

TEST(Segments, NobodyAskedForAreNeeded) {
  Model model = deep({});
  EXPECT_THAT([&] { model.denoiser->set_recompute(true); },
              ThrowsMessage<Error>(AllOf(::testing::StartsWith("config: learner.recompute: "),
                                         HasSubstr("has no segments"))));
  model.denoiser->set_recompute(false);
}

TEST(Segments, ThatAreNoMethodsAreRefused) {
  EXPECT_THAT(
      [] {
        deep({"segment_0", "segment_9"});
      },
      ThrowsMessage<Error>(AllOf(HasSubstr("denoiser.ts: has no method \"segment_9\""),
                                 HasSubstr("`segments` in bundle.json"))));
}

TEST(Segments, OfAnotherNetworkAreRefused) {
  EXPECT_THAT(
      [] {
        deep({"segment_0", "segment_2", "segment_3"});
      },
      ThrowsMessage<Error>(AllOf(HasSubstr("denoiser.ts: the segments give another output"),
                                 HasSubstr("`segments` in bundle.json"))));
  EXPECT_THAT(
      [] {
        deep({"segment_1", "segment_0"});
      },
      ThrowsMessage<Error>(
          AllOf(HasSubstr("denoiser.ts: the segments do not run one after the other"),
                HasSubstr("`segments` in bundle.json"))));
}

// What is kept of a segment is its inputs: computed again from changed ones it would be another.
TEST(Segments, ThatChangeTheirInputsAreRefused) {
  EXPECT_THAT(
      [] {
        deep({"segment_0", "hasty", "segment_2", "segment_3"}, R"(
def hasty(self, x, t, c, h, e, skip):
    x.mul_(1)
    return self.segment_1(x, t, c, h, e, skip)
)");
      },
      ThrowsMessage<Error>(HasSubstr("hasty changes its argument 0 in place")));
}

/// The highest number of bytes during a forward and a backward pass, beside what was there before.
std::int64_t peak_of(Denoiser& denoiser, const Rows& rows, bool recompute) {
  train_on(denoiser, rows, recompute);  // what is kept from the first time on
  const testing::PeakMemory memory;
  train_on(denoiser, rows, recompute);
  EXPECT_EQ(memory.now(), 0) << "nothing is left of a graph";
  return memory.peak();
}

TEST(Segments, HalveTheActivationMemory) {
  Model model = deep(kFour, "", 16);
  const Rows rows(64);
  const double with = static_cast<double>(peak_of(*model.denoiser, rows, true));
  const double without = static_cast<double>(peak_of(*model.denoiser, rows, false));
  RecordProperty("with", std::to_string(with));
  RecordProperty("without", std::to_string(without));
  EXPECT_LT(with, 0.5 * without);
  EXPECT_GT(with, 0.1 * without) << "else something was not counted";
}

}  // namespace
}  // namespace loopline::denoiser
