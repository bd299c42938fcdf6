#include "loopline/bandit_learning/learn_config.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "loopline/config/config_tree.h"
#include "loopline/config/read_options.h"
#include "loopline/core/files.h"

namespace loopline::bandit_learning {
namespace {

// The tables in docs/bandit_learning.md stand between two comments; LOOPLINE_UPDATE_DOCS=1 writes
// them.
TEST(LearnConfig, TheReferencePageHasEveryOption) {
  LearnConfig config;
  const std::string table = config::document_options([&](auto& v) { config.describe(v); });
  const std::filesystem::path page_file =
      std::filesystem::path(LOOPLINE_SOURCE_DIR) / "docs/bandit_learning.md";
  std::string page = read_file(page_file);
  const std::size_t begin = page.find("-->\n", page.find("<!-- options")) + 4;
  const std::size_t end = page.find("<!-- end of options");
  ASSERT_LE(begin, end);
  if (std::getenv("LOOPLINE_UPDATE_DOCS") != nullptr) {
    write_file_atomically(page_file, page.replace(begin, end - begin, table));
    return;
  }
  EXPECT_EQ(page.substr(begin, end - begin), table) << "write it again with LOOPLINE_UPDATE_DOCS=1";
}

TEST(LearnConfig, TheShippedConfigIsReadAndStatesTheDefaults) {
  const std::string source = LOOPLINE_SOURCE_DIR;
  LearnConfig shipped, defaults;
  config::read_options(config::load_config(source + "/configs/bandit/learn.yaml"),
                       [&](auto& v) { shipped.describe(v); });
  EXPECT_EQ(shipped.log.files, std::vector{source + "/configs/bandit/log.csv"});
  defaults.log = shipped.log;
  defaults.objective.baseline = "batch";
  EXPECT_TRUE(config::compare_options([&](auto& v) { defaults.describe(v); },
                                      [&](auto& v) { shipped.describe(v); })
                  .empty());
}

}  // namespace
}  // namespace loopline::bandit_learning
