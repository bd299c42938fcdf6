#include "config_output_options.h"

namespace loopline::train {
namespace {

using config::option;

void describe_evaluation(config::OptionVisitor& v, TrainConfig::Evaluation& c) {
  v.field(option("every",
                 "Iterations between evaluations while training, with one before the first; 0 "
                 "evaluates only when asked to.")
              .at_least(0)
              .changes_on_resume(),
          c.every);
  v.field(option("prompts",
                 "Prompt files, one a split; the split is named after the file. Empty: the "
                 "training prompts.")
              .path()
              .changes_on_resume(),
          c.prompts);
  v.field(option("images_per_prompt", "Images of each prompt (two or more give a diversity).")
              .range(1, 4095)
              .changes_on_resume(),
          c.images_per_prompt);
  v.field(option("max_prompts", "At most this many prompts of each split, spread over the file.")
              .at_least(1)
              .changes_on_resume(),
          c.max_prompts);
  v.field(option("seed", "Seed of the evaluation's noise and intervals.")
              .at_least(0)
              .changes_on_resume(),
          c.seed);
  v.field(option("steps", "Denoising steps of evaluations. Blank: sampler.steps.")
              .range(1, 1000)
              .changes_on_resume(),
          c.steps);
  v.field(option("eta", "eta of evaluations; 0 is deterministic. Blank: sampler.eta.")
              .range(0, 1)
              .changes_on_resume(),
          c.eta);
  v.field(option("guidance", "Guidance weight of evaluations. Blank: sampler.guidance.")
              .at_least(0)
              .changes_on_resume(),
          c.guidance);
}

void describe_watch(config::OptionVisitor& v, TrainConfig::Watch& c) {
  v.field(option("action",
                 "When a limit is passed. warn: one line; stop: the run ends there with a "
                 "checkpoint; off: nothing.")
              .one_of({"warn", "stop", "off"})
              .changes_on_resume(),
          c.action);
  v.field(option("judge",
                 "Component of a judge that the reward is compared with. Blank: the first of the "
                 "first judge.")
              .changes_on_resume(),
          c.judge);
  v.field(option("max_gap",
                 "Largest gain of the reward beyond the judge's, both in standard deviations of "
                 "the first iteration's images. Blank: no limit.")
              .above(0)
              .changes_on_resume(),
          c.max_gap);
  v.field(option("min_diversity",
                 "Smallest distance between images of one prompt, as a share of the first "
                 "iteration's; needs groups of two. Blank: no limit.")
              .range(0, 1)
              .changes_on_resume(),
          c.min_diversity);
  v.field(option("max_kl",
                 "Largest distance to the reference, in nats an image (kl/nats). Blank: no limit.")
              .above(0)
              .changes_on_resume(),
          c.max_kl);
  v.field(option("max_image_shift",
                 "How far the mean of an image statistic (brightness, contrast, saturation, "
                 "detail) may move, in standard deviations of the first iteration's images. "
                 "Blank: no limit.")
              .above(0)
              .changes_on_resume(),
          c.max_image_shift);
  v.field(option("window", "The mean of this many latest iterations is compared.")
              .at_least(1)
              .changes_on_resume(),
          c.window);
}

}  // namespace

void describe_outputs(config::OptionVisitor& v, TrainConfig& c) {
  v.section("samples", "Picture grids of fixed prompts with fixed noise, samples/*.png.", [&] {
    v.field(
        option("every", "Iterations between grids; 0 draws none.").at_least(0).changes_on_resume(),
        c.samples.every);
    v.field(option("prompts", "Prompts in the grid, spread over the prompt file: one a row.")
                .range(1, 64)
                .changes_on_resume(),
            c.samples.prompts);
    v.field(
        option("per_prompt", "Images of each prompt: columns.").range(1, 64).changes_on_resume(),
        c.samples.per_prompt);
    v.field(option("zoom", "Each pixel is drawn this many times wider and higher.")
                .range(1, 32)
                .changes_on_resume(),
            c.samples.zoom);
  });
  v.section(
      "sample_log",
      "samples.jsonl: one line a training image with its prompt, seed, reward, components and "
      "advantage; `loopline show RUN` reads it.",
      [&] {
        v.field(option("every", "Iterations between logged ones; 0 logs none.")
                    .at_least(0)
                    .changes_on_resume(),
                c.sample_log.every);
        v.field(option("pictures", "Keep the images too, pictures/*.png, one a line.")
                    .changes_on_resume(),
                c.sample_log.pictures);
      });
  v.section("checkpoint", "What resume starts from, checkpoints/.", [&] {
    v.field(option("every", "Iterations between checkpoints; the last iteration has one always.")
                .at_least(1)
                .changes_on_resume(),
            c.checkpoint.every);
    v.field(option("keep", "Newest checkpoints kept.").at_least(1).changes_on_resume(),
            c.checkpoint.keep);
    v.field(option("keep_every",
                   "Kept as well: checkpoints whose iteration is a multiple of this; 0: none.")
                .at_least(0)
                .changes_on_resume(),
            c.checkpoint.keep_every);
    v.field(option("best",
                   "Kept as well: the checkpoint with the best value of this metric, "
                   "eval/SPLIT/NAME of an evaluation (a record writes a checkpoint at once), "
                   "judge/NAME or reward/mean (of the iteration that ended in the checkpoint, so "
                   "measured before its update). Blank: none.")
                .changes_on_resume(),
            c.checkpoint.best);
    v.field(option("best_is", "Which value of checkpoint.best is the best.")
                .one_of({"highest", "lowest"})
                .changes_on_resume(),
            c.checkpoint.best_is);
  });
  v.section("evaluation",
            "What `loopline evaluate RUN` draws, and training itself every few iterations "
            "(evaluations.jsonl).",
            [&] { describe_evaluation(v, c.evaluation); });
  v.section("stop", "Ends the run early when a metric reaches a target.", [&] {
    v.field(option("metric",
                   "reward/mean, judge/NAME, or eval/SPLIT/NAME of an evaluation (it needs "
                   "evaluation.every).")
                .changes_on_resume(),
            c.stop.metric);
    v.field(option("at_least", "Stop when the metric is this or more. Blank: no target.")
                .changes_on_resume(),
            c.stop.at_least);
    v.field(option("at_most", "Stop when the metric is this or less. Blank: no target.")
                .changes_on_resume(),
            c.stop.at_most);
    v.field(option("window",
                   "The mean of this many latest iterations is compared; of an evaluation's "
                   "metric the latest value.")
                .at_least(1)
                .changes_on_resume(),
            c.stop.window);
  });
  v.section("watch",
            "Looks for reward hacking: the latest iterations against the run's first one, whose "
            "images are still the start's (docs/reward_hacking.md). All is logged as watch/*.",
            [&] { describe_watch(v, c.watch); });
  v.field(option("tensorboard",
                 "TensorBoard event files, tensorboard/, as a second view of the logs "
                 "(docs/tensorboard.md).")
              .changes_on_resume(),
          c.tensorboard);
  v.section(
      "hashes",
      "Content hashes of the inputs: written when a run starts, verified when it goes on. Leave "
      "them out of your own files.",
      [&] {
        v.field(option("model", "The model bundle."), c.hashes.model);
        v.field(option("prompts", "The prompt file."), c.hashes.prompts);
        v.field(option("reward", "The reward bundles."), c.hashes.reward);
        v.field(option("init", "The weights that init_from gave, init.safetensors."),
                c.hashes.init);
      });
}

}  // namespace loopline::train
