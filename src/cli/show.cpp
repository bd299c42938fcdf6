#include <algorithm>
#include <cstdio>

#include "commands.h"
#include "loopline/core/error.h"
#include "loopline/experiment/show.h"

namespace loopline::cli {
namespace {

struct Arguments {
  experiment::ShowRequest request;
  std::string run, grid;
  std::int64_t worst = 0, best = 0;
  int columns = 5, zoom = 4;
  bool json = false, force = false;
};

std::string number(const nlohmann::json& value) {
  if (!value.is_number()) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value.get<double>());
  return text;
}

void print_table(const std::vector<nlohmann::json>& lines, const std::string& by) {
  const bool extra = by != "reward" && by != "advantage";
  std::printf("%9s %6s %10s %10s", "iteration", "sample", "reward", "advantage");
  if (extra) std::printf(" %10s", by.c_str());
  std::printf("  prompt\n");
  for (const auto& line : lines) {
    std::printf("%9s %6s %10s %10s", number(line["iteration"]).c_str(),
                number(line["sample"]).c_str(), number(line["reward"]).c_str(),
                number(line["advantage"]).c_str());
    if (extra)
      std::printf(" %*s", static_cast<int>(std::max<std::size_t>(10, by.size())),
                  number(line[by]).c_str());
    std::printf("  %s%s%s\n", line["prompt"].get<std::string>().c_str(),
                line.contains("picture") ? "  " : "", line.value("picture", std::string()).c_str());
  }
}

}  // namespace

void add_show(CLI::App& app, int&) {
  auto arguments = std::make_shared<Arguments>();
  experiment::ShowRequest& request = arguments->request;
  CLI::App* command =
      app.add_subcommand("show", "Training images of a run by reward, worst or best first");
  command->add_option("run", arguments->run, "Run directory")->required();
  auto* worst = command->add_option("--worst", arguments->worst, "The n lowest (default: 20)")
                    ->check(CLI::PositiveNumber);
  command->add_option("--best", arguments->best, "The n highest")
      ->check(CLI::PositiveNumber)
      ->excludes(worst);
  command
      ->add_option("--by", request.by,
                   "What to sort by: reward, advantage, reward/NAME, judge/NAME")
      ->capture_default_str();
  auto* iteration =
      command
          ->add_option("--iteration", request.iteration, "Of this iteration (default: the latest)")
          ->check(CLI::PositiveNumber);
  command->add_flag("--all", request.all, "Of all logged iterations")->excludes(iteration);
  command->add_option("--grid", arguments->grid,
                      "Also draw the pictures (sample_log.pictures: true) into this PNG");
  command->add_option("--columns", arguments->columns, "Pictures a row")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command
      ->add_option("--zoom", arguments->zoom,
                   "Each pixel is drawn this many times wider and higher")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command->add_flag("--force", arguments->force, "Replace the PNG if it exists");
  command->add_flag("--json", arguments->json, "Print JSON, one line a sample");
  command->footer(examples({"loopline show runs/loop-20260101-120000 --worst 20",
                            "loopline show runs/ppo --best 10 --by judge/oracle_joint --all",
                            "loopline show runs/ppo --worst 12 --grid worst.png"}));
  command->callback([arguments] {
    if (!arguments->grid.empty() && std::filesystem::exists(arguments->grid) && !arguments->force) {
      throw Error(arguments->grid, "exists", "choose another --grid, or replace it with --force");
    }
    arguments->request.run = arguments->run;
    arguments->request.best = arguments->best > 0;
    if (arguments->best > 0) arguments->request.count = arguments->best;
    if (arguments->worst > 0) arguments->request.count = arguments->worst;
    const auto lines = experiment::show_samples(arguments->request);
    if (arguments->json) {
      for (const auto& line : lines) std::printf("%s\n", line.dump().c_str());
    } else {
      print_table(lines, arguments->request.by);
    }
    if (!arguments->grid.empty()) {
      experiment::draw_samples(arguments->run, lines, arguments->columns, arguments->zoom,
                               arguments->grid);
    }
  });
}

}  // namespace loopline::cli
