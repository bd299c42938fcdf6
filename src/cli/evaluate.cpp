#include <cstdio>

#include "commands.h"
#include "loopline/experiment/evaluate.h"

namespace loopline::cli {
namespace {

struct Arguments {
  experiment::EvaluationRequest request;
  std::string target;
  bool json = false;
};

std::string cell(const nlohmann::ordered_json& interval) {
  char text[64];
  std::snprintf(text, sizeof text, "%.3f [%.3f, %.3f]", interval["mean"].get<double>(),
                interval["low"].get<double>(), interval["high"].get<double>());
  return text;
}

/// One table a split: metric, base, trained, paired gain.
void print_tables(const nlohmann::ordered_json& result) {
  for (const auto& [split, metrics] : result["splits"].items()) {
    std::printf("%s (%lld images)\n", split.c_str(), result["images"][split].get<long long>());
    const bool paired = result.contains("base");
    std::printf(paired ? "  %-18s %-24s %-24s %s\n" : "  %-18s %s\n", "metric",
                paired ? "base" : "mean [95 %]", "trained", "gain (paired, 95 %)");
    for (const auto& [name, interval] : metrics.items()) {
      if (!paired) {
        std::printf("  %-18s %s\n", name.c_str(), cell(interval).c_str());
        continue;
      }
      std::printf("  %-18s %-24s %-24s %s\n", name.c_str(),
                  cell(result["base"][split][name]).c_str(), cell(interval).c_str(),
                  cell(result["gain"][split][name]).c_str());
    }
  }
}

}  // namespace

void add_evaluate(CLI::App& app, int&) {
  auto arguments = std::make_shared<Arguments>();
  experiment::EvaluationRequest& request = arguments->request;
  CLI::App* command = app.add_subcommand(
      "evaluate", "Judge a run against its base model, or a bundle, on fixed prompts and noise");
  command->add_option("target", arguments->target, "Run directory or model bundle")->required();
  command
      ->add_option("--prompts", request.prompts,
                   "Prompt files, one a split (default: the run's evaluation.prompts)")
      ->type_name("FILE")
      ->take_all();
  command
      ->add_option("--reward", request.reward,
                   "Reward bundle or built-in; several are added: --reward \"0.1 * brightness\" "
                   "(default: the run's)")
      ->type_name("TERM")
      ->take_all()
      ->allow_extra_args(false);
  command->add_option("--judge", request.judges, "Judges (default: the run's)")
      ->type_name("SOURCE")
      ->take_all()
      ->allow_extra_args(false);
  command->add_option("--images-per-prompt", request.images_per_prompt)->check(CLI::Range(1, 4095));
  command
      ->add_option("--max-prompts", request.max_prompts,
                   "Prompts of each split, spread over the file")
      ->check(CLI::PositiveNumber);
  command->add_option("--seed", request.seed, "Seed of noise and intervals")
      ->check(CLI::NonNegativeNumber);
  add_weights_options(*command, request.weights);
  command->add_option("--only", request.only, "Of a run: base or trained alone")
      ->check(CLI::IsMember({"base", "trained"}));
  command
      ->add_option(
          "--save", request.save,
          "Keep scores and worst images for `loopline report` in RUN/evaluation/NAME.json; "
          "\"default\" is the run's own way to sample")
      ->type_name("NAME");
  add_sampler_options(*command, request);
  command->add_flag("--json", arguments->json, "Print JSON");
  command->footer(examples({"loopline evaluate runs/loop-20260101-120000",
                            "loopline evaluate runs/ppo --json --images-per-prompt 10 > ppo.json",
                            "loopline evaluate runs/ppo --save eta0 --eta 0   # for the report",
                            "loopline evaluate models/emoji --reward models/emoji/rewards/judge \\",
                            "    --prompts models/emoji/prompts/rl.txt"}));
  command->callback([arguments] {
    arguments->request.target = arguments->target;
    const auto progress = run::terminal_progress();
    const auto result = experiment::evaluate(arguments->request, *progress);
    if (arguments->json) {
      std::printf("%s\n", result.dump(2).c_str());
    } else {
      print_tables(result);
    }
  });
}

}  // namespace loopline::cli
