#include "loopline/experiment/evaluate.h"

#include <memory>
#include <optional>

#include "loopline/core/error.h"
#include "loopline/core/interrupt.h"
#include "loopline/experiment/target.h"
#include "loopline/report/run_cell.h"
#include "loopline/train/evaluation.h"
#include "loopline/train/jury.h"
#include "scores_by_prompt.h"

namespace loopline::experiment {
namespace {

constexpr std::size_t kFailures = 12;  // of the worst images, kept for reports

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

/// All splits under one set of weights.
struct Judged {
  std::vector<train::SplitValues> splits;
  std::vector<report::Failure> failures;
};

Judged evaluate_all(Plan& plan, const std::string& stage, run::Progress& progress) {
  std::int64_t total = 0, done = 0;
  for (const train::Split& split : plan.splits) {
    total += static_cast<std::int64_t>(split.prompts.size()) * plan.options.images_per_prompt;
  }
  progress.start("evaluating " + stage, total);
  Judged judged;
  WorstImages worst(kFailures);
  for (const train::Split& split : plan.splits) {
    train::EvaluationOptions options = plan.options;
    options.on_judged = [&](const at::Tensor& images, const std::vector<io::Prompt>& prompts,
                            const train::Verdict& verdict) {
      worst.see(split.name, images, prompts, verdict);
    };
    judged.splits.push_back(train::evaluate_split(plan.target.model, options, split, *plan.jury,
                                                  [&](std::int64_t images) {
                                                    done += images;
                                                    progress.update(done, split.name);
                                                    if (interrupted()) throw stopped("evaluate");
                                                  }));
  }
  progress.finish();
  judged.failures = worst.failures();
  return judged;
}

/// What is kept of it for reports.
report::Evaluation kept(const Plan& plan, const std::string& name, const Judged& judged) {
  report::Evaluation evaluation{.name = name,
                                .steps = plan.options.transition.steps,
                                .eta = plan.options.transition.eta,
                                .guidance = plan.options.transition.guidance,
                                .images_per_prompt = plan.options.images_per_prompt,
                                .seed = static_cast<std::int64_t>(plan.options.seed),
                                .splits = {},
                                .failures = judged.failures};
  for (std::size_t i = 0; i < plan.splits.size(); ++i) {
    evaluation.splits.push_back(scores_by_prompt(plan.splits[i], judged.splits[i]));
  }
  return evaluation;
}

void check_request(const EvaluationRequest& request, bool is_run) {
  if (!is_run && !(request.only.empty() && request.save.empty())) {
    throw Error("--only, --save", request.target.string() + " is a bundle, and these are for runs");
  }
  if (!request.save.empty() && std::filesystem::path(request.save).filename() != request.save) {
    throw Error("--save", "\"" + request.save + "\" is a path", "give a name, for example eta0");
  }
}

}  // namespace

nlohmann::ordered_json evaluate(const EvaluationRequest& request, run::Progress& progress) {
  const bool is_run = run::RunDirectory::is_run(request.target);
  check_request(request, is_run);
  Plan plan = make_plan(request);
  nlohmann::ordered_json result{{"target", request.target.string()}};
  if (!is_run && request.weights != train::WeightsChoice{}) {
    plan.target.load_trained(request.weights);  // a bundle has none: an Error
  }
  std::optional<Judged> base, trained;
  if (request.only != "trained") {
    base = evaluate_all(plan, is_run ? "base" : plan.target.model.bundle.name, progress);
  }
  std::int64_t iteration = 0;
  if (is_run && request.only != "base") {
    result["iteration"] = iteration = plan.target.load_trained(request.weights);
    trained = evaluate_all(plan, "trained", progress);
  }
  result["images_per_prompt"] = plan.options.images_per_prompt;
  const std::uint64_t seed = plan.options.seed;
  for (std::size_t i = 0; i < plan.splits.size(); ++i) {
    const std::string& name = plan.splits[i].name;
    result["images"][name] =
        static_cast<std::int64_t>(plan.splits[i].prompts.size()) * plan.options.images_per_prompt;
    const Judged& shown = trained ? *trained : *base;
    result["splits"][name] = to_json(train::summarize(shown.splits[i], seed));
    if (!base || !trained) continue;
    result["base"][name] = to_json(train::summarize(base->splits[i], seed));
    result["gain"][name] =
        to_json(train::summarize_gain(trained->splits[i], base->splits[i], seed));
  }
  if (!request.save.empty()) {
    report::SavedEvaluation saved{.iteration = iteration};
    if (trained) saved.trained = kept(plan, request.save, *trained);
    if (base) saved.base = kept(plan, request.save, *base);
    report::save_evaluation(request.target, request.save, saved);
  }
  return result;
}

}  // namespace loopline::experiment
