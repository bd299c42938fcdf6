#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "loopline/core/random.h"
#include "loopline/denoiser/model.h"
#include "loopline/io/model_bundle.h"
#include "loopline/io/prompt.h"
#include "loopline/stats/interval.h"
#include "loopline/train/jury.h"

namespace loopline::train {

/// A named list of held-out (or training) prompts.
struct Split {
  std::string name;
  std::vector<io::Prompt> prompts;
};

/// Splits named after their files, each with at most `max_prompts` prompts spread over the file.
/// Two files of one name are an Error.
std::vector<Split> read_splits(const std::vector<std::string>& files, std::int64_t max_prompts);

/// How images are drawn for an evaluation. Noise depends on the seed and the prompt's content, not
/// on the split or the order, so two models are compared on common random numbers.
struct EvaluationOptions {
  io::TransitionSpec transition;  ///< its guidance is used, too
  std::int64_t images_per_prompt = 6;
  std::int64_t micro_batch = 64;
  std::uint64_t seed = 1;
  /// Sees every batch of images [N, C, H, W] with what was said of it; may be empty.
  std::function<void(const at::Tensor& images, const std::vector<io::Prompt>& prompts,
                     const Verdict& verdict)>
      on_judged{};
};

/// Values of one metric, each with the prompt (index in the split) it belongs to. NaN: the reward
/// or judge marked the image as invalid.
struct MetricValues {
  std::vector<double> value;
  std::vector<std::int64_t> prompt;
};
using SplitValues = std::map<std::string, MetricValues>;

/// Draws and judges one split. Metrics: "reward", every component of every judge under its own
/// name, and, with two images a prompt or more, "diversity", the mean root-mean-square pixel
/// distance between images of one prompt, and "vendi", their Vendi score (image_statistics.h).
/// `on_images` receives the number of images finished; it may throw to abandon the work.
SplitValues evaluate_split(denoiser::Model& model, const EvaluationOptions& options,
                           const Split& split, Jury& jury,
                           const std::function<void(std::int64_t)>& on_images);

/// Mean and 95 % interval of every metric; prompts are the unit of resampling. Images without a
/// value are left out, a metric without any value is, too.
std::map<std::string, stats::Interval> summarize(const SplitValues& values, std::uint64_t seed);

/// The same for the paired difference `after` - `before` (same prompts, same noise).
std::map<std::string, stats::Interval> summarize_gain(const SplitValues& after,
                                                      const SplitValues& before,
                                                      std::uint64_t seed);

/// The draw of image `k` of a prompt: the prompt's content is folded into the seed, so that noise
/// does not depend on the order or the number of prompts.
Draw content_draw(Stream stream, std::uint64_t seed, const io::Prompt& prompt, std::int64_t k);

}  // namespace loopline::train
