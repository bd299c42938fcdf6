#include "loopline/bandit/log_columns.h"

#include <cmath>

#include "fuzzing.h"

// The first letter chooses the kind of file, the rest is its content. What is read as a log is
// written as columns and read again.
namespace {

using namespace loopline;

bandit::LogConfig config_for(char kind, const std::string& content) {
  bandit::LogConfig config;
  config.bad_rows = "skip";
  if (kind != 'c') {
    const char* name = kind == 'v' ? "log.vw" : kind == 'd' ? "log.dsjson" : "log.safetensors";
    config.files = {fuzz::scratch_file(name, content)};
    return config;
  }
  config.files = {fuzz::scratch_file("log.csv", content)};
  config.action = "a";
  config.reward.column = "r";
  config.propensity = "p";
  config.context = {"x*"};
  config.categorical = {"x0"};
  // Columns that a header has as well.
  const std::string header = content.substr(0, content.find('\n'));
  if (header.find("time") != std::string::npos) config.time = "time";
  if (header.find("by") != std::string::npos) config.logger = "by";
  if (config.logger && header.find("q_") != std::string::npos) {
    config.propensity.reset();
    config.logger_propensity = "q_*";
  }
  if (header.find("x0") == std::string::npos) config.categorical.clear();
  if (header.find('x') == std::string::npos) config.context.clear();
  return config;
}

void require_checked(const bandit::LogBlock& block) {
  const std::size_t n = block.size();
  fuzz::require(n > 0 && block.action.size() == n && block.propensity.size() == n,
                "columns have an entry a row");
  fuzz::require(block.context.size() == n * block.features, "contexts have their width");
  for (std::size_t i = 0; i < n; ++i) {
    fuzz::require(block.propensity[i] > 0 && block.propensity[i] <= 1,
                  "propensities are in (0, 1]");
    fuzz::require(std::isfinite(block.reward[i]) && block.action[i] >= 0, "rewards are finite");
  }
  for (const double number : block.context) fuzz::require(std::isfinite(number), "so are contexts");
  const bandit::ActionSets& sets = block.sets;
  if (sets.offset.empty()) return;
  fuzz::require(sets.offset.size() == n + 1 && sets.offset.back() == sets.id.size() &&
                    sets.feature.size() == sets.id.size() * sets.features,
                "sets have their entries");
  for (std::size_t i = 0; i < n; ++i) {
    const auto size = static_cast<std::int64_t>(sets.offset[i + 1] - sets.offset[i]);
    fuzz::require(block.action[i] < size, "the action is in its set");
  }
}

void require_same(const bandit::LogBlock& a, const bandit::LogBlock& b) {
  fuzz::require(a.action == b.action && a.reward == b.reward && a.propensity == b.propensity &&
                    a.context == b.context && a.time == b.time && a.logger == b.logger &&
                    a.logger_propensity == b.logger_propensity &&
                    a.multiplicity == b.multiplicity && a.sets.offset == b.sets.offset &&
                    a.sets.feature == b.sets.feature && a.sets.probability == b.sets.probability,
                "columns give back the rows that were written");
}

void read_twice(const bandit::LogConfig& config) {
  bandit::ReadOptions options;
  options.limits = {
      .buffer_bytes = 16, .line_bytes = 1 << 14, .block_rows = 3, .block_numbers = 100'000};
  const bandit::LogEncoding encoding = bandit::learn_encoding(config, options);
  bandit::LogReader writing(config, encoding, options);
  const std::string columns = fuzz::scratch_directory() / "written.safetensors";
  bandit::write_columns(columns, writing, "f");
  bandit::LogConfig cache;
  cache.files = {columns};
  bandit::LogReader first(config, encoding, options);
  bandit::LogReader again(cache, encoding, options);
  while (const auto block = first.next()) {
    require_checked(*block);
    const auto same = again.next();
    fuzz::require(same.has_value(), "columns have as many blocks");
    require_same(*block, *same);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string content = fuzz::text_of(data + 1, size - 1);
  fuzz::accepts([&] { read_twice(config_for(static_cast<char>(data[0]), content)); });
  return 0;
}
