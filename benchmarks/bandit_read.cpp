// Reads a bandit log once and does nothing with it: bandit_read FILE [COLUMN ...]. Prints rows and
// processor seconds. FILE is a columns file, or CSV with the columns action, reward and propensity;
// COLUMNs are its context.

#include <cstdio>
#include <ctime>
#include <optional>
#include <utility>
#include <vector>

#include "loopline/bandit/log_reader.h"
#include "loopline/core/error.h"

namespace bandit = loopline::bandit;

int main(int count, char** argument) {
  if (count < 2) {
    std::fprintf(stderr, "usage: bandit_read FILE [COLUMN ...]\n");
    return 2;
  }
  try {
    bandit::LogConfig config;
    config.files = {argument[1]};
    if (count > 2) {
      config.action = "action";
      config.reward.column = "reward";
      config.propensity = "propensity";
    }
    std::vector<bandit::FeatureColumn> columns;
    for (int i = 2; i < count; ++i) columns.push_back({argument[i], false, {}});
    bandit::LogEncoding encoding;
    encoding.context = bandit::FeatureEncoding(std::move(columns), "the command line");
    const std::clock_t start = std::clock();
    bandit::LogReader reader(config, std::move(encoding));
    while (reader.next()) {
    }
    std::printf("%lld %.3f\n", static_cast<long long>(reader.rows()),
                static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
  } catch (const loopline::Error& error) {
    std::fprintf(stderr, "bandit_read: %s\n", error.what());
    return static_cast<int>(error.exit_code());
  }
}
