#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "loopline/bandit/log_reader.h"
#include "loopline/core/error.h"

namespace loopline::bandit {

/// Files of one test, in a directory of their own.
class LogFiles : public ::testing::Test {
 protected:
  LogFiles() {
    const ::testing::TestInfo& test = *::testing::UnitTest::GetInstance()->current_test_info();
    std::string name = std::string(test.test_suite_name()) + "." + test.name();
    for (char& c : name) c = c == '/' ? '.' : c;
    directory_ = std::filesystem::path(::testing::TempDir()) / name;
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
  }

  std::string file(const std::string& name, const std::string& text) const {
    std::string path = path_of(name);
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  std::string path_of(const std::string& name) const { return (directory_ / name).string(); }

  /// The columns that the tests' CSV logs have.
  static LogConfig csv(const std::string& path) {
    LogConfig config;
    config.files = {path};
    config.action = "action";
    config.reward.column = "reward";
    config.propensity = "propensity";
    return config;
  }
  static LogConfig other(const std::string& path) {
    LogConfig config;
    config.files = {path};
    return config;
  }

 private:
  std::filesystem::path directory_;
};

/// All blocks of a log.
inline std::vector<LogBlock> blocks_of(LogReader& reader) {
  std::vector<LogBlock> blocks;
  while (auto block = reader.next()) blocks.push_back(*std::move(block));
  return blocks;
}

/// A log that fits one block.
inline LogBlock read_all(const LogConfig& config, const LogEncoding& encoding = {},
                         const ReadOptions& options = {}) {
  LogReader reader(config, encoding, options);
  std::vector<LogBlock> blocks = blocks_of(reader);
  EXPECT_EQ(blocks.size(), 1U);
  return std::move(blocks.front());
}

template <class Action>
std::string log_error(Action action) {
  try {
    action();
  } catch (const Error& e) {
    EXPECT_EQ(e.exit_code(), ExitCode::kWrongUse);
    return e.what();
  }
  return "no error";
}

inline void expect_same(const LogBlock& a, const LogBlock& b) {
  EXPECT_EQ(a.first_row, b.first_row);
  EXPECT_EQ(a.action, b.action);
  EXPECT_EQ(a.reward, b.reward);
  EXPECT_EQ(a.propensity, b.propensity);
  EXPECT_EQ(a.target, b.target);
  EXPECT_EQ(a.context, b.context);
  EXPECT_EQ(a.position, b.position);
  EXPECT_EQ(a.cluster, b.cluster);
  EXPECT_EQ(a.logger, b.logger);
  EXPECT_EQ(a.logger_propensity, b.logger_propensity);
  EXPECT_EQ(a.time, b.time);
  EXPECT_EQ(a.multiplicity, b.multiplicity);
  EXPECT_EQ(a.sets.offset, b.sets.offset);
  EXPECT_EQ(a.sets.id, b.sets.id);
  EXPECT_EQ(a.sets.feature, b.sets.feature);
  EXPECT_EQ(a.sets.probability, b.sets.probability);
  EXPECT_EQ(a.sets.features, b.sets.features);
  EXPECT_EQ(a.features, b.features);
}

}  // namespace loopline::bandit
