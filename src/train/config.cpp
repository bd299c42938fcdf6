#include "loopline/train/config.h"

#include <algorithm>

#include "loopline/config/read_options.h"
#include "loopline/policy/preset.h"

namespace loopline::train {
namespace {

io::TimestepSpacing parse_spacing(const std::string& name) {
  const auto& names = spacing_names();
  return static_cast<io::TimestepSpacing>(std::find(names.begin(), names.end(), name) -
                                          names.begin());
}

/// The hash that a resolved config recorded is of the input that it names, not of one that is named
/// instead.
void forget_hashes(TrainConfig::Hashes& hashes, const std::vector<std::string>& assignments) {
  const std::pair<const char*, std::string*> inputs[] = {{"model=", &hashes.model},
                                                         {"prompts=", &hashes.prompts},
                                                         {"reward=", &hashes.reward},
                                                         {"init_from=", &hashes.init}};
  for (const auto& [start, hash] : inputs) {
    for (const std::string& assignment : assignments) {
      if (assignment.starts_with(start)) hash->clear();
    }
  }
}

/// Every option differs from an absent one.
std::vector<config::OptionDifference> all_options() {
  TrainConfig config;
  return config::compare_options([&](config::OptionVisitor& v) { config.describe(v); },
                                 [](config::OptionVisitor&) {});
}

}  // namespace

const std::vector<std::string>& spacing_names() {
  static const std::vector<std::string> names{"leading", "trailing", "linspace"};
  return names;
}

TrainConfig read_train_config(const std::filesystem::path& file,
                              const std::vector<std::string>& assignments) {
  config::ConfigTree tree = config::load_config(file);
  for (const std::string& assignment : assignments) config::apply_set(tree, assignment);
  TrainConfig c;
  config::read_options(tree, [&](config::OptionVisitor& v) { c.describe(v); });
  forget_hashes(c.hashes, assignments);
  return c;
}

std::vector<std::string> resumable_options() {
  TrainConfig config;
  return config::resumable_options([&](config::OptionVisitor& v) { config.describe(v); });
}

std::vector<std::string> option_names() {
  std::vector<std::string> names;
  for (const config::OptionDifference& option : all_options()) names.push_back(option.path);
  return names;
}

std::vector<std::string> identifying_options() {
  std::vector<std::string> names;
  for (const config::OptionDifference& option : all_options()) {
    if (!option.may_change_on_resume) names.push_back(option.path);
  }
  return names;
}

std::string write_train_config(TrainConfig c) {
  return config::write_options([&](config::OptionVisitor& v) { c.describe(v); });
}

policy::AdvantageOptions advantage_options(const TrainConfig& c) {
  return {policy::parse_baseline(*c.advantage.baseline),
          policy::parse_scale(*c.advantage.scale),
          c.advantage.clamp,
          c.advantage.running_mean_decay,
          c.advantage.buffer_size,
          c.advantage.buffer_min_count};
}

policy::SurrogateOptions surrogate_options(const TrainConfig& c) {
  return {policy::parse_surrogate(*c.surrogate.kind), *c.surrogate.clip_low,
          *c.surrogate.clip_high};
}

io::TransitionSpec transition_spec(const TrainConfig& c, const io::ModelBundle& bundle) {
  io::TransitionSpec spec = bundle.transition;
  if (c.sampler.steps) spec.steps = *c.sampler.steps;
  if (c.sampler.eta) spec.eta = *c.sampler.eta;
  if (c.sampler.spacing) spec.spacing = parse_spacing(*c.sampler.spacing);
  if (c.sampler.guidance) spec.guidance = *c.sampler.guidance;
  if (c.sampler.min_sigma) spec.min_sigma = *c.sampler.min_sigma;
  if (c.sampler.last_step_noise) spec.last_step_noise = *c.sampler.last_step_noise;
  if (c.sampler.clip_sample) spec.clip_sample = *c.sampler.clip_sample;
  return spec;
}

io::TransitionSpec evaluation_transition(const TrainConfig& c, const io::ModelBundle& bundle) {
  io::TransitionSpec spec = transition_spec(c, bundle);
  if (c.evaluation.steps) spec.steps = *c.evaluation.steps;
  if (c.evaluation.eta) spec.eta = *c.evaluation.eta;
  if (c.evaluation.guidance) spec.guidance = *c.evaluation.guidance;
  return spec;
}

}  // namespace loopline::train
