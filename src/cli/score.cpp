#include <algorithm>
#include <cstdio>

#include "commands.h"
#include "loopline/experiment/score.h"

namespace loopline::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Arguments {
  experiment::ScoreRequest request;
  bool json = false;
};

/// The first column is as wide as the longest name.
void print_row(std::size_t width, const std::string& name, const Json& row) {
  std::printf("%-*s", static_cast<int>(width), name.c_str());
  const auto cell = [](const Json& value) {
    if (value.is_number()) {
      std::printf("  %12.4f", value.get<double>());
    } else {
      std::printf("  %12s", "invalid");
    }
  };
  cell(row["total"]);
  for (const auto& [component, value] : row["components"].items()) {
    const auto padding = std::max<std::size_t>(component.size(), 12) - 12;
    std::printf("%*s", static_cast<int>(padding), "");
    cell(value);
  }
  std::printf("\n");
}

void print_table(const Json& result) {
  const Json& images = result["images"];
  std::size_t width = 4;
  for (const Json& row : images) {
    width = std::max(width, row["file"].get_ref<const std::string&>().size());
  }
  std::printf("%-*s  %12s", static_cast<int>(width), "file", "total");
  for (const auto& [component, value] : images.front()["components"].items()) {
    std::printf("  %12s", component.c_str());
  }
  std::printf("\n");
  for (const Json& row : images) print_row(width, row["file"].get<std::string>(), row);
  if (images.size() > 1 && !result["mean"].is_null()) print_row(width, "mean", result["mean"]);
}

}  // namespace

void add_score(CLI::App& app, int&) {
  auto arguments = std::make_shared<Arguments>();
  experiment::ScoreRequest& request = arguments->request;
  CLI::App* command = app.add_subcommand("score", "Rewards of image files");
  command->add_option("images", request.images, "PNG or JPEG files, or directories of them")
      ->required();
  command
      ->add_option("--reward", request.reward,
                   "A built-in reward's name or a reward bundle, with a weight \"0.1 * NAME\"; "
                   "repeat to add up")
      ->required()
      ->take_all()
      ->allow_extra_args(false);
  CLI::Option* prompt = command->add_option("--prompt", request.prompt, "Prompt of all images");
  command->add_option("--prompts", request.prompts, "Prompt file, one line an image, in order")
      ->type_name("FILE")
      ->excludes(prompt);
  command->add_option("--micro-batch", request.micro_batch, "Images judged at once")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--device", request.device, "auto, cpu, cuda")->capture_default_str();
  command->add_flag("--json", arguments->json, "Print JSON");
  command->footer(examples({"loopline score pictures --reward jpeg_compressibility",
                            "loopline score a.png b.png --reward models/emoji/rewards/judge \\",
                            "    --reward \"0.1 * brightness\" --prompt \"a red circle and a blue "
                            "heart\" --json"}));
  command->callback([arguments] {
    const auto progress = run::terminal_progress();
    const Json result = experiment::score_images(arguments->request, *progress);
    if (arguments->json) {
      std::printf("%s\n", result.dump(2).c_str());
    } else {
      print_table(result);
    }
  });
}

}  // namespace loopline::cli
