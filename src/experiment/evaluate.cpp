#include "loopline/experiment/evaluate.h"

#include <memory>

#include "loopline/core/error.h"
#include "loopline/core/interrupt.h"
#include "loopline/experiment/target.h"
#include "loopline/train/evaluation.h"
#include "loopline/train/jury.h"

namespace loopline::experiment {
namespace {

/// Everything an evaluation needs, whether it came from a run or from flags.
struct Plan {
  Target target;
  std::unique_ptr<train::Jury> jury;
  std::vector<train::Split> splits;
  train::EvaluationOptions options;
};

Plan make_plan(const EvaluationRequest& request) {
  Plan plan;
  plan.target = load_target(request.target, request.device, request.threads);
  std::vector<std::string> reward = request.reward, judges = request.judges;
  std::vector<std::string> files = request.prompts;
  std::int64_t max_prompts = request.max_prompts.value_or(100);
  if (const auto& config = plan.target.config) {
    plan.target.transition = train::evaluation_transition(*config, plan.target.model.bundle);
    if (reward.empty()) reward = config->reward;
    if (judges.empty()) judges = config->judges;
    if (files.empty()) files = config->evaluation.prompts;
    if (files.empty() && config->prompts) files = {*config->prompts};
    max_prompts = request.max_prompts.value_or(config->evaluation.max_prompts);
    plan.options.images_per_prompt = config->evaluation.images_per_prompt;
    plan.options.seed = static_cast<std::uint64_t>(config->evaluation.seed);
  } else if (reward.empty() || (files.empty() && io::needs_prompts(plan.target.model.bundle))) {
    throw Error(request.target.string(), "a model bundle does not say how to judge it",
                "give --reward SOURCE and --prompts FILE (or evaluate a run)");
  }
  plan.target.override_sampler(request.steps, request.eta, request.guidance);
  plan.options.transition = plan.target.transition;
  plan.options.micro_batch = plan.target.micro_batch;
  plan.jury = std::make_unique<train::Jury>(reward::plan_reward(reward), judges,
                                            plan.target.model.denoiser->device());
  plan.splits = files.empty() ? std::vector<train::Split>{{"unprompted", {io::make_prompt("")}}}
                              : train::read_splits(files, max_prompts);
  if (request.images_per_prompt) plan.options.images_per_prompt = *request.images_per_prompt;
  if (request.seed) plan.options.seed = static_cast<std::uint64_t>(*request.seed);
  return plan;
}

nlohmann::ordered_json to_json(const std::map<std::string, stats::Interval>& summary) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [name, interval] : summary) {
    json[name] = {{"mean", interval.mean}, {"low", interval.low}, {"high", interval.high}};
  }
  return json;
}

/// All splits under the current weights.
std::vector<train::SplitValues> evaluate_all(Plan& plan, const std::string& stage,
                                             run::Progress& progress) {
  std::int64_t total = 0, done = 0;
  for (const train::Split& split : plan.splits) {
    total += static_cast<std::int64_t>(split.prompts.size()) * plan.options.images_per_prompt;
  }
  progress.start("evaluating " + stage, total);
  std::vector<train::SplitValues> values;
  for (const train::Split& split : plan.splits) {
    values.push_back(train::evaluate_split(plan.target.model, plan.options, split, *plan.jury,
                                           [&](std::int64_t images) {
                                             done += images;
                                             progress.update(done, split.name);
                                             if (interrupted()) throw stopped("evaluate");
                                           }));
  }
  progress.finish();
  return values;
}

}  // namespace

nlohmann::ordered_json evaluate(const EvaluationRequest& request, run::Progress& progress) {
  Plan plan = make_plan(request);
  const bool is_run = plan.target.run.has_value();
  nlohmann::ordered_json result{{"target", request.target.string()}};
  if (!is_run && request.weights != train::WeightsChoice{}) {
    plan.target.load_trained(request.weights);
  }
  const std::vector<train::SplitValues> base =
      evaluate_all(plan, is_run ? "base" : plan.target.model.bundle.name, progress);
  std::vector<train::SplitValues> trained;
  if (is_run) {
    result["iteration"] = plan.target.load_trained(request.weights);
    trained = evaluate_all(plan, "trained", progress);
  }
  result["images_per_prompt"] = plan.options.images_per_prompt;
  for (std::size_t i = 0; i < plan.splits.size(); ++i) {
    const std::string& name = plan.splits[i].name;
    result["images"][name] =
        static_cast<std::int64_t>(plan.splits[i].prompts.size()) * plan.options.images_per_prompt;
    const auto base_summary = to_json(train::summarize(base[i], plan.options.seed));
    if (!is_run) {
      result["splits"][name] = base_summary;
      continue;
    }
    result["splits"][name] = to_json(train::summarize(trained[i], plan.options.seed));
    result["base"][name] = base_summary;
    result["gain"][name] = to_json(train::summarize_gain(trained[i], base[i], plan.options.seed));
  }
  return result;
}

}  // namespace loopline::experiment
