#include "loopline/run/metrics.h"

#include "fuzzing.h"

// A metrics.jsonl is read, cut back to iteration 3, and opened to go on.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace loopline;
  constexpr std::int64_t kIteration = 3;
  const auto file = fuzz::scratch_file("metrics.jsonl", fuzz::text_of(data, size));
  if (!fuzz::accepts([&] { run::MetricsLog::read(file); })) return 0;
  if (!fuzz::accepts([&] { run::MetricsLog::cut_back(file, kIteration); })) return 0;
  run::MetricsLog log(file);
  log.append({{"iteration", kIteration + 1}});
  const std::vector<nlohmann::json> lines = run::MetricsLog::read(file);
  fuzz::require(lines.back() == nlohmann::json{{"iteration", kIteration + 1}},
                "a log that was cut goes on");
  if (lines.size() == 1) return 0;
  const nlohmann::json& kept = lines[lines.size() - 2].at("iteration");
  fuzz::require(kept.get<std::int64_t>() <= kIteration, "lines after the iteration are cut");
  return 0;
}
