#include <cstdio>

#include "commands.h"
#include "loopline/core/text.h"
#include "loopline/experiment/export.h"

namespace loopline::cli {
namespace {

struct Arguments {
  std::string run, format = "bundle", out;
  train::WeightsChoice weights;
  bool force = false;
};

}  // namespace

void add_export(CLI::App& app, int&) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("export", "Write a run's trained network for others");
  command->add_option("run", arguments->run, "Run directory")->required();
  command
      ->add_option("--format", arguments->format,
                   "bundle: a directory to sample from and to train on; torchscript: the network, "
                   "one file; safetensors: its parameters and buffers; diffusers, kohya: its LoRA "
                   "adapters, for diffusers or for ComfyUI and A1111; merged: its parameters as "
                   "diffusers names them, with the adapters merged in")
      ->check(CLI::IsMember(experiment::export_format_names()))
      ->capture_default_str();
  command
      ->add_option("--out", arguments->out,
                   "What to write: a directory, or a file .ts, .pt or .safetensors")
      ->required()
      ->type_name("PATH");
  add_weights_options(*command, arguments->weights);
  command->add_flag("--force", arguments->force, "Replace an earlier export");
  command->footer(examples({"loopline export runs/ppo --out my-model",
                            "loopline export runs/ppo --format torchscript --out denoiser.ts",
                            "loopline export runs/ppo --format diffusers --out "
                            "pytorch_lora_weights.safetensors"}));
  command->callback([arguments] {
    const auto format = experiment::parse_export_format(arguments->format);
    const experiment::Exported exported = experiment::export_run({.run = arguments->run,
                                                                  .format = format,
                                                                  .out = arguments->out,
                                                                  .force = arguments->force,
                                                                  .weights = arguments->weights});
    const std::string out = exported.out.string();
    std::printf("%s: %s, weights of iteration %lld\n", out.c_str(),
                human_bytes(static_cast<double>(exported.bytes)).c_str(),
                static_cast<long long>(exported.iteration));
    for (const auto& file : exported.files) std::printf("  %s\n", file.c_str());
    std::printf("Next:\n  loopline inspect %s\n", out.c_str());
    if (format == experiment::ExportFormat::kBundle) {
      std::printf("  loopline sample %s --prompt \"...\"   (or --prompts FILE)\n", out.c_str());
    }
  });
}

}  // namespace loopline::cli
