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
  std::int64_t last = 0;
  run::MetricsLog::visit(file, [&](const nlohmann::json& line) {
    fuzz::require(last <= kIteration, "lines after the iteration are cut");
    last = line.at("iteration").get<std::int64_t>();
  });
  fuzz::require(last == kIteration + 1, "a log that was cut goes on");
  return 0;
}
