#include "report_outcome.h"

#include <cstdio>

namespace loopline::cli {
namespace {

/// "reward 0.412 -> 0.655": both ends of a metric.
void print_change(const train::TrainingOutcome& outcome, const std::string& key,
                  const std::string& name) {
  if (!outcome.first.contains(key) || !outcome.last.contains(key)) return;
  std::printf("  %-22s %.3f -> %.3f\n", name.c_str(), outcome.first[key].get<double>(),
              outcome.last[key].get<double>());
}

/// "gap 0.31, diversity 0.92, image shift 0.40, kl 12.1 nats an image".
void print_watch(const nlohmann::json& last) {
  static const std::pair<const char*, const char*> kFigures[] = {
      {"watch/gap", "gap %.2f"},
      {"watch/diversity", "diversity %.2f"},
      {"watch/image_shift", "image shift %.2f"},
      {"kl/nats", "kl %.3g nats an image"}};
  std::string line;
  for (const auto& [key, format] : kFigures) {
    if (!last.contains(key) || !last[key].is_number()) continue;
    char text[64];
    std::snprintf(text, sizeof text, format, last[key].get<double>());
    line += (line.empty() ? "" : ", ") + std::string(text);
  }
  if (!line.empty()) std::printf("  %-22s %s\n", "watch, last iteration", line.c_str());
}

}  // namespace

void report_outcome(const train::TrainingOutcome& outcome, const std::filesystem::path& directory) {
  const std::string run = directory.string();
  std::printf("%s after %lld iterations: %s\n", outcome.interrupted ? "Stopped" : "Finished",
              static_cast<long long>(outcome.iterations), run.c_str());
  if (!outcome.target_reached.empty()) {
    std::printf(
        "  target reached: %s; to go on: loopline resume %s --set stop.at_least=null --set "
        "stop.at_most=null\n",
        outcome.target_reached.c_str(), run.c_str());
  }
  if (!outcome.hacking.empty()) {
    std::printf("  ended by the watch: %s; to go on: loopline resume %s --set watch.action=warn\n",
                outcome.hacking.c_str(), run.c_str());
  }
  if (outcome.last.is_object()) {
    print_change(outcome, "reward/mean", "reward");
    for (const auto& [key, value] : outcome.last.items()) {
      if (key.starts_with("judge/") && !key.ends_with("_std")) {
        print_change(outcome, key, key.substr(6));
      }
    }
    print_watch(outcome.last);
    std::printf(
        "  (first and last iteration's training images; `evaluate` measures on fixed prompts)\n");
  }
  std::printf("Next:\n");
  if (outcome.interrupted) std::printf("  loopline resume %s\n", run.c_str());
  if (outcome.iterations > 0) std::printf("  loopline evaluate %s\n", run.c_str());
  if (outcome.iterations > 0 && std::filesystem::exists(directory / "samples.jsonl")) {
    std::printf("  loopline show %s --worst 20\n", run.c_str());
  }
  std::printf("  pictures: %s\n", (directory / "samples").c_str());
}

}  // namespace loopline::cli
