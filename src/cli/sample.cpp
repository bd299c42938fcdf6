#include <cstdio>

#include "commands.h"
#include "loopline/core/error.h"
#include "loopline/experiment/sample.h"

namespace loopline::cli {
namespace {

struct Arguments {
  experiment::SampleRequest request;
  std::string target, out = "samples.png";
  bool force = false;
};

}  // namespace

void add_sample(CLI::App& app, int&) {
  auto arguments = std::make_shared<Arguments>();
  experiment::SampleRequest& request = arguments->request;
  CLI::App* command = app.add_subcommand("sample", "Draw images of prompts into one PNG");
  command->add_option("target", arguments->target, "Run directory or model bundle")->required();
  command->add_option("--prompt", request.prompts, "What to draw; repeat for more rows")
      ->required()
      ->take_all()
      ->allow_extra_args(false);
  command->add_option("--out", arguments->out, "PNG to write")->capture_default_str();
  command->add_flag("--force", arguments->force, "Replace the PNG if it exists");
  command->add_option("--count", request.count, "Images of each prompt")
      ->check(CLI::Range(1, 4095))
      ->capture_default_str();
  command->add_option("--seed", request.seed)->check(CLI::NonNegativeNumber)->capture_default_str();
  command
      ->add_option("--zoom", request.zoom, "Each pixel is drawn this many times wider and higher")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command->add_flag("--base", request.base, "The run's model before training");
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
    const auto progress = run::terminal_progress();
    io::write_png(arguments->out, experiment::sample_images(arguments->request, *progress));
    std::printf("%s\n", arguments->out.c_str());
  });
}

}  // namespace loopline::cli
