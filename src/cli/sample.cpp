#include <cstdio>

#include "commands.h"
#include "loopline/core/error.h"
#include "loopline/experiment/sample.h"

namespace loopline::cli {
namespace {

struct Arguments {
  experiment::SampleRequest request;
  std::vector<std::string> texts;
  std::string target, prompt_file, out = "samples.png";
  bool force = false;
};

/// None is fine for a model that needs none.
std::vector<io::Prompt> prompts_of(const Arguments& arguments) {
  std::vector<io::Prompt> prompts;
  for (const std::string& text : arguments.texts) prompts.push_back(io::make_prompt(text));
  if (!arguments.prompt_file.empty()) {
    for (io::Prompt& prompt : io::read_prompts(arguments.prompt_file)) {
      prompts.push_back(std::move(prompt));
    }
  }
  return prompts;
}

}  // namespace

void add_sample(CLI::App& app, int&) {
  auto arguments = std::make_shared<Arguments>();
  experiment::SampleRequest& request = arguments->request;
  CLI::App* command = app.add_subcommand("sample", "Draw images of prompts into one PNG");
  command->add_option("target", arguments->target, "Run directory or model bundle")->required();
  command->add_option("--prompt", arguments->texts, "What to draw; repeat for more rows")
      ->take_all()
      ->allow_extra_args(false);
  command
      ->add_option("--prompts", arguments->prompt_file,
                   "Prompt file, one row a prompt; .jsonl for models that take a class or numbers")
      ->type_name("FILE");
  command->add_option("--out", arguments->out, "PNG to write")->capture_default_str();
  command->add_flag("--force", arguments->force, "Replace the PNG if it exists");
  command->add_option("--count", request.count, "Images of each prompt")
      ->check(CLI::Range(1, 4095))
      ->capture_default_str();
  command->add_option("--seed", request.seed)->check(CLI::NonNegativeNumber)->capture_default_str();
  command
      ->add_option("--zoom", request.zoom,
                   "Each pixel is drawn this many times wider and higher; blank: small images up "
                   "to 128 pixels")
      ->check(CLI::Range(1, 64));
  CLI::Option* base = command->add_flag("--base", request.base, "The run's model before training");
  for (CLI::Option* option : add_weights_options(*command, request.weights)) base->excludes(option);
  add_sampler_options(*command, request);
  command->footer(examples(
      {"loopline sample models/emoji --prompt \"a red circle and a blue heart\"",
       "loopline sample runs/ppo --prompt \"a red circle and a blue heart\" --out after.png",
       "loopline sample runs/ppo --base --prompt \"a red circle and a blue heart\" --out "
       "before.png"}));
  command->callback([arguments] {
    if (std::filesystem::exists(arguments->out) && !arguments->force) {
      throw Error(arguments->out, "exists", "choose another --out, or replace it with --force");
    }
    arguments->request.target = arguments->target;
    arguments->request.prompts = prompts_of(*arguments);
    const auto progress = run::terminal_progress();
    io::write_png(arguments->out, experiment::sample_images(arguments->request, *progress));
    std::printf("%s\n", arguments->out.c_str());
  });
}

}  // namespace loopline::cli
