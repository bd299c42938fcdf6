#include "report_learning.h"

#include <cstdio>
#include <string>

namespace loopline::cli {
namespace {

using Json = nlohmann::ordered_json;

void print_summary(const Json& summary) {
  const Json& d = summary["diagnostics"];
  std::printf("\n%-18s  %10s  %g %% interval   (on %g rows that nothing was fitted to)\n", "policy",
              "value", 100 * d["level"].get<double>(), d["rows"].get<double>());
  for (const Json& row : summary["estimates"]) {
    std::printf("%-18s  %10.6g  [%.6g, %.6g]\n", row["name"].get_ref<const std::string&>().c_str(),
                row["value"].get<double>(), row["low"].get<double>(), row["high"].get<double>());
  }
  for (const Json& reason : d["reasons"]) {
    std::printf("  - %s\n", reason.get_ref<const std::string&>().c_str());
  }
  if (d["propensities"] == "estimated") {
    std::printf("Estimated propensities: what their model gets wrong is in no interval.\n");
  }
  const auto& verdict = summary["verdict"].get_ref<const std::string&>();
  const bool is_unusable = verdict == "unusable";
  std::printf("%s\n\n", is_unusable ? "UNUSABLE: do not act on these numbers" : verdict.c_str());
}

}  // namespace

void print_learning_report(const Json& report, const std::filesystem::path& directory,
                           bool as_json) {
  if (as_json) {
    std::printf("%s\n", report.dump(2).c_str());
    return;
  }
  for (const Json& run : report["runs"]) {
    const Json& summary = run["summary"];
    std::printf("%s: %lld epochs, best %lld: %s\n",
                run["name"].get_ref<const std::string&>().c_str(),
                static_cast<long long>(run["epochs"].get<std::int64_t>()),
                static_cast<long long>(run["best_epoch"].get<std::int64_t>()),
                summary.is_null() ? "not finished"
                                  : summary["verdict"].get_ref<const std::string&>().c_str());
  }
  std::printf("Report: %s (and report.json)\n", (directory / "report.html").c_str());
}

void report_learning(const bandit_learning::LearningOutcome& outcome,
                     const std::filesystem::path& directory, bool as_json) {
  if (as_json) {
    Json json = outcome.summary.is_null() ? Json{{"estimates", Json::array()},
                                                 {"diagnostics", Json::object()},
                                                 {"verdict", "interrupted"}}
                                          : outcome.summary;
    json["diagnostics"]["epochs"] = outcome.epochs;
    json["diagnostics"]["best_epoch"] = outcome.best_epoch;
    std::printf("%s\n", json.dump(2).c_str());
    return;
  }
  const std::string run = directory.string();
  std::printf("%s after %lld epochs%s: %s\n", outcome.interrupted ? "Stopped" : "Finished",
              static_cast<long long>(outcome.epochs),
              outcome.stopped_early ? ", as the held-out value no longer rose" : "", run.c_str());
  if (!outcome.summary.is_null()) print_summary(outcome.summary);
  if (outcome.best_epoch > 0) {
    std::printf("policy of epoch %lld: %s\n", static_cast<long long>(outcome.best_epoch),
                (directory / bandit_learning::kPolicyFile).c_str());
  }
  if (outcome.interrupted) std::printf("Next:\n  loopline resume %s\n", run.c_str());
}

}  // namespace loopline::cli
