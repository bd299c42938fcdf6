#include "loopline/bandit/log_columns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <span>

#include "bandit/log_fixture.h"
#include "loopline/core/files.h"
#include "loopline/io/safetensors.h"

namespace loopline::bandit {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Blocks of a log, and of the columns file that is made of it.
void expect_round_trip(const LogConfig& config, const std::string& columns,
                       const ReadOptions& options) {
  const LogEncoding encoding = learn_encoding(config);
  LogReader writing(config, encoding, options);
  write_columns(columns, writing, log_fingerprint(config, encoding));
  LogReader source(config, encoding, options);
  LogConfig cache;
  cache.files = {columns};
  LogReader copy(cache, encoding, options);
  std::size_t blocks = 0;
  while (const auto block = source.next()) {
    const auto read = copy.next();
    ASSERT_TRUE(read.has_value());
    expect_same(*block, *read);
    ++blocks;
  }
  EXPECT_GT(blocks, 1U);
  EXPECT_EQ(copy.next(), std::nullopt);
  EXPECT_EQ(copy.encoding(), source.encoding());
  EXPECT_EQ(copy.actions(), source.actions());
  EXPECT_EQ(copy.action_names(), source.action_names());
  EXPECT_EQ(copy.loggers(), source.loggers());
  EXPECT_EQ(read_columns(columns).rows, source.rows());
  EXPECT_EQ(learn_encoding(cache), encoding);
}

std::string everything(int rows) {
  std::string text = "action,reward,propensity,pi,slot,who,by,when,times,age,city\n";
  for (int i = 0; i < rows; ++i) {
    const std::string n = std::to_string(i);
    text += "a" + std::to_string(i % 3) + "," + std::to_string(i / 7.0) + "," +
            std::to_string(1.0 / (1 + i % 9)) + ",0.25," + n + ",user" + n + ",logger" +
            std::to_string(i % 2) + "," + n + ".5,2," + n + ",city" + std::to_string(i % 5) + "\n";
  }
  return text;
}

class Columns : public LogFiles {
 protected:
  LogConfig everything_config(int rows) const {
    LogConfig config = csv(file("log.csv", everything(rows)));
    config.target = "pi";
    config.position = "slot";
    config.cluster = "who";
    config.logger = "by";
    config.time = "when";
    config.multiplicity = "times";
    config.context = {"age", "city"};
    config.action_names = file("names", "a0\na1\na2\n");
    return config;
  }
};

TEST_F(Columns, GiveBackEveryColumnBitForBit) {
  const LogConfig config = everything_config(20'000);
  ReadOptions options;
  options.limits.block_rows = 9'000;
  expect_round_trip(config, path_of("log.safetensors"), options);
}

TEST_F(Columns, GiveBackActionSets) {
  std::string text;
  for (int i = 0; i < 9; ++i) {
    text += R"({"_label_cost":-1,"_label_probability":0.5,"_labelIndex":1,"a":[2,1],"p":[0.5,0.5],)"
            R"("c":{"x":)" +
            std::to_string(i) + R"(,"_multi":[{"y":1},{"z":"a"})";
    text += i % 2 == 0 ? "" : ",{}";
    text += "]}}\n";
  }
  ReadOptions options;
  options.limits.block_numbers = 40;
  expect_round_trip(other(file("log.dsjson", text)), path_of("log.safetensors"), options);
}

TEST_F(Columns, LeaveNothingBesideTheFile) {
  const LogConfig config = everything_config(10);
  const LogEncoding encoding = learn_encoding(config);
  LogReader reader(config, encoding);
  fs::create_directory(path_of("out"));
  write_columns(path_of("out/log.safetensors"), reader, "f");
  const fs::path failing = path_of("out/log.safetensors");
  LogConfig bad = csv(file("bad.csv", "action,reward,propensity\n0,1,.5\n0,1,2\n"));
  ReadOptions options;
  options.limits.block_rows = 1;
  EXPECT_THAT(log_error([&] {
                LogReader second(bad, {}, options);
                write_columns(path_of("out/bad.safetensors"), second, "f");
              }),
              HasSubstr("bad.csv:3"));
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(path_of("out"))) {
    names.push_back(entry.path().filename().string());
  }
  EXPECT_THAT(names, ElementsAre("log.safetensors"));
}

TEST_F(Columns, FingerprintsFollowContentOptionsAndEncoding) {
  LogConfig config = everything_config(10);
  const LogEncoding encoding = learn_encoding(config);
  const std::string first = log_fingerprint(config, encoding);
  config.files = {file("elsewhere.csv", everything(10))};
  EXPECT_EQ(log_fingerprint(config, encoding), first);
  EXPECT_NE(log_fingerprint(config, {}), first);
  config.reward.sign = -1;
  EXPECT_NE(log_fingerprint(config, encoding), first);
  config.reward.sign.reset();
  config.files = {file("longer.csv", everything(11))};
  EXPECT_NE(log_fingerprint(config, encoding), first);
}

TEST_F(Columns, AreReadWithTheirOwnEncodingOnly) {
  const LogConfig config = everything_config(10);
  LogReader reader(config, learn_encoding(config));
  write_columns(path_of("log.safetensors"), reader, "f");
  const LogConfig cache = other(path_of("log.safetensors"));
  EXPECT_EQ(read_all(cache).features, 7U);  // age, five cities, unseen
  const LogEncoding another{FeatureEncoding({{"age", false, {}}}), {}};
  EXPECT_THAT(log_error([&] { LogReader again(cache, another); }),
              HasSubstr("was written with another encoding"));
}

// A columns file of two rows, changed by a test.
struct Written {
  std::map<std::string, std::vector<double>> numbers = {{"reward", {1, 2}},
                                                        {"propensity", {.5, .25}}};
  std::map<std::string, std::vector<std::int64_t>> integers = {{"action", {0, 1}}};
  std::map<std::string, std::string> metadata = {
      {"schema", kColumnsSchema},
      {"fingerprint", "f"},
      {"encoding", R"({"context":[],"action":[]})"},
      {"names", R"({"actions":[],"loggers":[],"action_count":2})"}};

  std::string write(const std::string& path) const {
    std::map<std::string, io::SafetensorsTensor> tensors;
    for (const auto& [name, values] : numbers) {
      tensors[name] = {io::DType::kF64,
                       {static_cast<std::int64_t>(values.size())},
                       std::as_bytes(std::span(values))};
    }
    for (const auto& [name, values] : integers) {
      tensors[name] = {io::DType::kI64,
                       {static_cast<std::int64_t>(values.size())},
                       std::as_bytes(std::span(values))};
    }
    io::write_safetensors(path, tensors, metadata);
    return path;
  }
};

TEST_F(Columns, OfStrangersAreChecked) {
  const auto error = [&](const auto& change) {
    Written written;
    change(written);
    const std::string path = written.write(path_of("log.safetensors"));
    return log_error([&] { read_all(other(path)); });
  };
  EXPECT_EQ(error([](Written&) {}), "no error");
  EXPECT_THAT(error([](Written& w) { w.numbers["propensity"][1] = 0; }),
              HasSubstr("log.safetensors: row 1: column \"propensity\": a propensity of 0.0"));
  EXPECT_THAT(error([](Written& w) {
                w.numbers["propensity"] = {1, 1};
              }),
              HasSubstr("all propensities are exactly 1"));
  EXPECT_THAT(error([](Written& w) { w.numbers["reward"][0] = 1 / 0.0; }), HasSubstr("row 0"));
  EXPECT_THAT(error([](Written& w) { w.integers["action"][0] = 2; }),
              HasSubstr("the action 2 is not known"));
  EXPECT_THAT(error([](Written& w) { w.numbers["reward"].push_back(1); }),
              HasSubstr("\"reward\" has another type or shape"));
  EXPECT_THAT(error([](Written& w) { w.numbers.erase("propensity"); }),
              HasSubstr("has no propensities"));
  EXPECT_THAT(error([](Written& w) { w.numbers.erase("reward"); }),
              HasSubstr("no column \"reward\""));
  EXPECT_THAT(error([](Written& w) {
                w.numbers["more"] = {1, 2};
              }),
              HasSubstr("that no bandit log"));
  EXPECT_THAT(error([](Written& w) {
                w.integers["logger"] = {0, 0};
              }),
              HasSubstr("column \"logger\": is not known"));
  EXPECT_THAT(error([](Written& w) { w.metadata["schema"] = "loopline.bandit.log/2"; }),
              HasSubstr("is \"loopline.bandit.log/2\", not loopline.bandit.log/1"));
  EXPECT_THAT(error([](Written& w) { w.metadata.erase("encoding"); }),
              HasSubstr("is no bandit log: its metadata lack encoding"));
  const auto with_sets = [&](std::vector<std::int64_t> offset, std::vector<std::int64_t> id) {
    return error([&](Written& w) {
      w.integers["sets.offset"] = offset;
      w.integers["sets.id"] = id;
    });
  };
  EXPECT_EQ(with_sets({0, 1, 3}, {0, 0, 1}), "no error");
  EXPECT_THAT(with_sets({1, 1, 3}, {0, 0, 1}), HasSubstr("the first of sets.offset is not 0"));
  EXPECT_THAT(with_sets({0, 0, 3}, {0, 0, 1}), HasSubstr("row 0: column \"sets.offset\""));
  EXPECT_THAT(with_sets({0, 1, 4}, {0, 0, 1}), HasSubstr("row 1: column \"sets.offset\""));
  EXPECT_THAT(with_sets({0, 1, 2}, {0, 0, 1}), HasSubstr("row 1: column \"sets.offset\""));
  EXPECT_THAT(with_sets({0, 1, 3}, {0, 0, 2}), HasSubstr("row 1: column \"sets.id\""));
  EXPECT_THAT(with_sets({0, 2, 3}, {0, 1, 0}), HasSubstr("row 1: column \"action\": is not in"));
}

TEST_F(Columns, ACutOffFileIsRefused) {
  const std::string path = Written().write(path_of("log.safetensors"));
  const std::string bytes = read_file(path);
  for (const std::size_t size : {bytes.size() - 1, bytes.size() / 2, std::size_t{5}}) {
    const std::string cut = file("cut.safetensors", bytes.substr(0, size));
    EXPECT_THAT(log_error([&] { read_all(other(cut)); }), Not("no error")) << size;
  }
}

}  // namespace
}  // namespace loopline::bandit
