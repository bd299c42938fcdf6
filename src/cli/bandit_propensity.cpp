#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "bandit_commands.h"
#include "bandit_options.h"
#include "bandit_text.h"
#include "commands.h"
#include "loopline/bandit/estimate_propensities.h"
#include "loopline/core/error.h"
#include "loopline/run/progress.h"

namespace loopline::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct PropensityArguments : LogArguments {
  std::string out;
  bool force = false;
};

/// Where the log is written, before hours are spent on it.
fs::path checked_out(const PropensityArguments& arguments, const bandit::LogConfig& log) {
  fs::path out = arguments.out;
  if (out.empty()) out = fs::path(log.files.front()).stem().string() + ".propensities.safetensors";
  const std::string where = out.string();
  if (out.extension() != ".safetensors") {
    throw Error("--out " + where, "must end in .safetensors");
  }
  if (const fs::path directory = out.parent_path();
      !directory.empty() && !fs::is_directory(directory)) {
    throw Error(directory.string(), "no such directory", "make it, or choose another --out");
  }
  if (!fs::exists(out)) return out;
  const bool is_source = std::any_of(log.files.begin(), log.files.end(),
                                     [&](const auto& file) { return fs::equivalent(file, out); });
  if (is_source) throw Error(where, "is the log itself", "choose another --out");
  if (!arguments.force) throw Error(where, "exists", "choose another --out, or add --force");
  return out;
}

double number(const Json& value) { return value.is_number() ? value.get<double>() : 0; }

void print_losses(const Json& result) {
  const Json& held = result["held_out"];
  std::printf("%-34s  %10s\n", "mean -ln propensity, held out", "");
  std::printf("%-34s  %10.6g\n", "  the model", number(held["log_loss"]));
  std::printf("%-34s  %10.6g\n", "  frequencies of the actions",
              number(held["frequency_log_loss"]));
  std::printf("%-34s  %10.6g  (standard error %.3g)\n", "  gain", number(held["gain"]),
              number(held["gain_error"]));
}

void print_calibration(const Json& calibration) {
  std::printf("\n%12s  %12s  %12s  %14s   (calibration error %.3g)\n", "predicted", "observed",
              "std. error", "of predictions", number(calibration["error"]));
  for (const Json& bin : calibration["bins"]) {
    std::printf("%12.6g  %12.6g  %12.3g  %14.10g\n", number(bin["predicted"]),
                number(bin["observed"]), number(bin["standard_error"]), number(bin["predictions"]));
  }
}

void print_propensities(const Json& result) {
  const Json& p = result["propensities"];
  const Json& uniform = result["uniform_policy"];
  std::printf(
      "\nsmallest propensity: %.6g (row %lld); %.3g %% of the rows below %g, %.3g %% above %g\n",
      number(p["smallest"]), static_cast<long long>(p["smallest_row"].get<std::int64_t>()),
      100 * number(p["below_floor"]), number(p["floor"]), 100 * number(p["near_one"]),
      1 - number(p["floor"]));
  std::printf(
      "weights of the uniform policy: mean %.6g (should be 1, standard error %.3g), worth %.6g of "
      "%lld rows\n",
      number(uniform["mean_weight"]), number(uniform["mean_weight_error"]),
      number(uniform["effective_rows"]),
      static_cast<long long>(result["rows"].get<std::int64_t>()));
  for (const Json& note : result["notes"]) {
    std::printf("  - %s\n", note.get_ref<const std::string&>().c_str());
  }
  print_skipped(result["log"]);
}

void estimate_them(const PropensityArguments& arguments) {
  bandit::PropensityConfig config =
      bandit::read_propensity_config(arguments.config, arguments.assignments);
  if (arguments.threads) config.threads = *arguments.threads;
  const fs::path out = checked_out(arguments, config.log);
  const auto progress = run::terminal_progress();
  const Json result = bandit::estimate_propensities(config, out, *progress);
  if (arguments.json) {
    std::printf("%s\n", result.dump(2).c_str());
    return;
  }
  print_losses(result);
  print_calibration(result["calibration"]);
  print_propensities(result);
  std::printf(
      "\n%s: the log with estimated propensities\nNext: estimate or learn with\n  log: "
      "{files: [%s]}\n",
      out.string().c_str(), out.string().c_str());
}

}  // namespace

void add_bandit_propensity(CLI::App& bandit) {
  auto arguments = std::make_shared<PropensityArguments>();
  CLI::App* command = bandit.add_subcommand(
      "propensity", "Estimate the propensities that a log lacks, and write it again with them");
  add_log_options(*command, *arguments, "log", "model.l2=10");
  command
      ->add_option("--out", arguments->out,
                   "Columns file to write (default: LOG.propensities.safetensors, here)")
      ->type_name("FILE");
  command->add_flag("--force", arguments->force, "Replace the file if it exists");
  command->footer(examples(
      {"loopline bandit propensity configs/bandit/propensity.yaml --set log.files=my_log.csv",
       "loopline bandit propensity propensity.yaml --out with.safetensors --json",
       "loopline bandit estimate estimate.yaml     # with log: {files: [with.safetensors]}"}));
  command->callback([arguments] { estimate_them(*arguments); });
}

}  // namespace loopline::cli
