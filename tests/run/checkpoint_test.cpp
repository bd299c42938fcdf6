#include "loopline/run/checkpoint.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/core/hash.h"
#include "run/scratch_directory.h"

namespace loopline::run {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class CheckpointTest : public ScratchDirectory {
 protected:
  Checkpoint write(std::int64_t iteration, const std::string& weights = "weights") {
    return write_checkpoint(checkpoints(), iteration, json{{"counter", iteration}},
                            [&](const fs::path& directory) {
                              put(directory / "trainable.safetensors", weights);
                              put(directory / "optimizer.safetensors", "moments");
                            });
  }

  fs::path checkpoints() const { return directory_ / "checkpoints"; }

  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& entry : fs::directory_iterator(checkpoints())) {
      all.push_back(entry.path().filename().string());
    }
    std::sort(all.begin(), all.end());
    return all;
  }
};

std::string damage_of(const fs::path& directory) {
  try {
    read_checkpoint(directory);
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::kFailure);
    return error.what();
  }
  return "none";
}

/// Replaces one member of state.json and renews its hash, as another program might write it.
void edit_state(const fs::path& directory, const std::function<void(json&)>& edit) {
  json document = json::parse(read_file(directory / "state.json"));
  edit(document);
  document.erase("sha256");
  document["sha256"] = sha256(document.dump());
  put(directory / "state.json", document.dump());
}

TEST_F(CheckpointTest, ReadsBackWhatWasWritten) {
  const json state = {{"tiny", 5e-324},
                      {"third", 1.0 / 3},
                      {"negative_zero", -0.0},
                      {"large", std::numeric_limits<std::uint64_t>::max()},
                      {"nested", {{"list", {1, 2.5, "x", nullptr}}}}};
  const Checkpoint written = write_checkpoint(
      checkpoints(), 12, state, [](const fs::path& directory) { put(directory / "a", "1"); });
  EXPECT_EQ(written.directory, checkpoints() / "00000012");
  const Checkpoint read = read_checkpoint(written.directory);
  EXPECT_EQ(read.iteration, 12);
  EXPECT_EQ(read.state.dump(), state.dump());
  EXPECT_EQ(read.directory, written.directory);
  EXPECT_EQ(read_file(read.directory / "a"), "1");
}

// The format is a promise to older files: this text is fixed.
TEST_F(CheckpointTest, StateFileIsVersionOne) {
  const Checkpoint written = write(7);
  const json document = json::parse(read_file(written.directory / "state.json"));
  EXPECT_EQ(document["format"], "loopline-checkpoint");
  EXPECT_EQ(document["version"], 1);
  EXPECT_EQ(document["iteration"], 7);
  EXPECT_EQ(document["files"], json::parse(R"({
              "optimizer.safetensors": {"bytes": 7, "sha256":
                "690a8d18f75dfaa79dd8134ac62cdad42fffe0f34cb78dd14e2d3aae3ae83ad3"},
              "trainable.safetensors": {"bytes": 7, "sha256":
                "9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c"}})"));
  EXPECT_EQ(document["state"], json::parse(R"({"counter": 7})"));
}

TEST_F(CheckpointTest, EveryFlippedByteIsNoticed) {
  const fs::path directory = write(3).directory;
  for (const fs::path& path : {directory / "state.json", directory / "trainable.safetensors"}) {
    const std::string good = read_file(path);
    // In JSON a blank may become another blank; every other byte counts.
    const auto blank = [](char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; };
    for (std::size_t i = 0; i < good.size(); ++i) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ 1);
      if (blank(good[i]) && blank(bad[i])) {
        continue;
      }
      put(path, bad);
      EXPECT_NE(damage_of(directory), "none") << path.filename() << " byte " << i;
    }
    put(path, good);
  }
  EXPECT_EQ(damage_of(directory), "none");
}

TEST_F(CheckpointTest, EveryTruncationIsNoticed) {
  const fs::path directory = write(3).directory;
  const std::string state = read_file(directory / "state.json");
  for (std::size_t size = 0; size + 1 < state.size(); ++size) {  // the last byte is a line break
    put(directory / "state.json", state.substr(0, size));
    EXPECT_NE(damage_of(directory), "none") << size;
  }
  put(directory / "state.json", state);
  put(directory / "optimizer.safetensors", "moment");
  EXPECT_EQ(damage_of(directory),
            (directory / "optimizer.safetensors").string() + ": is damaged: it has 6 bytes, not 7");
}

TEST_F(CheckpointTest, DamageNamesTheFile) {
  const fs::path directory = write(3).directory;
  put(directory / "trainable.safetensors", "weightS");
  EXPECT_THAT(damage_of(directory),
              AllOf(HasSubstr("00000003/trainable.safetensors"), HasSubstr("does not match")));
  fs::remove(directory / "trainable.safetensors");
  EXPECT_THAT(damage_of(directory),
              AllOf(HasSubstr("00000003/trainable.safetensors"), HasSubstr("No such file")));
  fs::remove(directory / "state.json");
  EXPECT_THAT(damage_of(directory), HasSubstr("00000003/state.json: cannot be read"));
}

TEST_F(CheckpointTest, OtherVersionsAndFormatsAreRefusedByName) {
  const fs::path directory = write(3).directory;
  edit_state(directory, [](json& document) { document["version"] = 2; });
  EXPECT_THAT(damage_of(directory), HasSubstr("has version 2, this Loopline reads 1"));
  edit_state(directory, [](json& document) { document.erase("version"); });
  EXPECT_THAT(damage_of(directory), HasSubstr("has version none"));
  edit_state(directory, [](json& document) { document["format"] = "something"; });
  EXPECT_THAT(damage_of(directory), HasSubstr("not the state of a Loopline checkpoint"));
}

TEST_F(CheckpointTest, WrongMembersAreRefused) {
  const fs::path directory = write(3).directory;
  const json good = json::parse(read_file(directory / "state.json"));
  for (const std::string member : {"iteration", "files", "state"}) {
    put(directory / "state.json", good.dump());
    edit_state(directory, [&](json& document) { document.erase(member); });
    EXPECT_THAT(damage_of(directory), HasSubstr("a member is missing")) << member;
  }
  put(directory / "state.json", good.dump());
  edit_state(directory, [](json& document) { document["files"]["../../escape"] = {}; });
  EXPECT_THAT(damage_of(directory), HasSubstr("outside of the checkpoint"));
  put(directory / "state.json", good.dump());
  edit_state(directory, [](json& document) { document["iteration"] = 4; });
  EXPECT_THAT(damage_of(directory), HasSubstr("was renamed: it holds iteration 4"));
  const std::vector<std::pair<json, std::string>> iterations = {
      {-3, "of the wrong type"},  {3.0, "of the wrong type"},    {1e300, "of the wrong type"},
      {"3", "of the wrong type"}, {100'000'000, "out of range"}, {UINT64_MAX, "out of range"}};
  for (const auto& [iteration, message] : iterations) {
    put(directory / "state.json", good.dump());
    edit_state(directory,
               [&, &value = iteration](json& document) { document["iteration"] = value; });
    EXPECT_THAT(damage_of(directory), HasSubstr(message)) << iteration;
  }
  for (const std::string& text : {std::string(1'000'000, '['), std::string("[1e300]")}) {
    put(directory / "state.json", "{\"format\": \"loopline-checkpoint\", \"state\": " + text);
    EXPECT_THAT(damage_of(directory), HasSubstr("not a JSON object"));
  }
}

TEST_F(CheckpointTest, CopyUnderAnotherNameReads) {
  fs::copy(write(3).directory, directory_ / "best");
  EXPECT_EQ(read_checkpoint(directory_ / "best").iteration, 3);
}

TEST_F(CheckpointTest, FailedWriterLeavesNoTrace) {
  write(1);
  EXPECT_THROW(write_checkpoint(checkpoints(), 2, json::object(),
                                [](const fs::path& directory) {
                                  put(directory / "trainable.safetensors", "half");
                                  throw failure("", "No space left on device");
                                }),
               Error);
  EXPECT_THAT(names(), ElementsAre("00000001"));
}

TEST_F(CheckpointTest, SameNumberIsReplacedAndKeptWhenTheWriterFails) {
  write(1, "first");
  write(1, "second");
  EXPECT_EQ(read_file(checkpoints() / "00000001" / "trainable.safetensors"), "second");
  EXPECT_THROW(write_checkpoint(checkpoints(), 1, json::object(),
                                [](const fs::path&) { throw failure("", "full"); }),
               Error);
  EXPECT_EQ(read_checkpoint(checkpoints() / "00000001").state["counter"], 1);
  EXPECT_THAT(names(), ElementsAre("00000001"));
}

TEST_F(CheckpointTest, WhatCannotBeWrittenFaithfullyIsABrokenInvariant) {
  const auto nothing = [](const fs::path&) {};
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(write_checkpoint(checkpoints(), 1, json{{"deep", {1, {{"x", nan}}}}}, nothing),
               std::logic_error);
  EXPECT_THROW(write_checkpoint(checkpoints(), 100'000'000, json::object(), nothing),
               std::logic_error);
  EXPECT_THROW(write_checkpoint(checkpoints(), -1, json::object(), nothing), std::logic_error);
  EXPECT_THROW(write_checkpoint(checkpoints(), 1, json::object(),
                                [](const fs::path& d) { put(d / "state.json", "{}"); }),
               std::logic_error);
  EXPECT_THROW(write_checkpoint(checkpoints(), 1, json::object(),
                                [](const fs::path& d) { fs::create_directory(d / "sub"); }),
               std::logic_error);
  EXPECT_THAT(list_checkpoints(checkpoints()), IsEmpty());
}

TEST_F(CheckpointTest, ListIsInOrderAndIgnoresEverythingElse) {
  EXPECT_THAT(list_checkpoints(checkpoints()), IsEmpty());
  write(10);
  write(9);
  write(100);
  fs::create_directory(checkpoints() / ".unfinished-99-0");
  fs::create_directory(checkpoints() / "0000001");
  fs::create_directory(checkpoints() / "0000000x");
  put(checkpoints() / "00000200", "a file");
  EXPECT_THAT(list_checkpoints(checkpoints()),
              ElementsAre(checkpoints() / "00000009", checkpoints() / "00000010",
                          checkpoints() / "00000100"));
}

TEST_F(CheckpointTest, DamagedOnesArePassedOverWithAWarning) {
  write(1);
  write(2);
  write(3);
  put(checkpoints() / "00000003" / "trainable.safetensors", "short");
  fs::remove(checkpoints() / "00000002" / "state.json");
  std::vector<std::string> warnings;
  const auto latest =
      latest_checkpoint(checkpoints(), [&](const std::string& line) { warnings.push_back(line); });
  ASSERT_TRUE(latest);
  EXPECT_EQ(latest->iteration, 1);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("00000003/trainable.safetensors: is damaged"),
                                    HasSubstr("00000002/state.json: cannot be read")));
}

TEST_F(CheckpointTest, NoneIsLatestWhenThereIsNoneAndNeverWhenNoneVerifies) {
  int warnings = 0;
  const auto warn = [&](const std::string&) { ++warnings; };
  EXPECT_FALSE(latest_checkpoint(checkpoints(), warn));
  EXPECT_EQ(warnings, 0);
  fs::remove(write(1).directory / "state.json");
  try {
    latest_checkpoint(checkpoints(), warn);
    FAIL() << "a run with damaged checkpoints would start over";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::kFailure);
    EXPECT_THAT(error.what(), HasSubstr("holds no checkpoint that can be read"));
  }
  EXPECT_EQ(warnings, 1);
}

TEST_F(CheckpointTest, PruningKeepsTheNewestAndSweepsUp) {
  for (const int iteration : {5, 10, 15, 20}) {
    write(iteration);
  }
  fs::create_directory(checkpoints() / ".unfinished-99-0");
  put(checkpoints() / ".unfinished-99-0" / "trainable.safetensors", "gigabytes");
  put(checkpoints() / "notes.txt", "mine");
  prune_checkpoints(checkpoints(), {.newest = 2});
  EXPECT_THAT(names(), ElementsAre("00000015", "00000020", "notes.txt"));
  prune_checkpoints(checkpoints(), {.newest = 5});
  EXPECT_THAT(names(), ElementsAre("00000015", "00000020", "notes.txt"));
  EXPECT_THROW(prune_checkpoints(checkpoints(), {.newest = 0}), std::logic_error);
  EXPECT_NO_THROW(prune_checkpoints(directory_ / "absent", {.newest = 1}));
}

TEST_F(CheckpointTest, MultiplesAndTheBestStayBesideTheNewest) {
  for (const int iteration : {5, 10, 15, 20, 25, 30, 35}) {
    write(iteration);
  }
  prune_checkpoints(checkpoints(), {.newest = 1, .every = 10, .best = 25});
  EXPECT_THAT(names(), ElementsAre("00000010", "00000020", "00000025", "00000030", "00000035"));
  prune_checkpoints(checkpoints(), {.newest = 1, .every = 0, .best = 10});
  EXPECT_THAT(names(), ElementsAre("00000010", "00000035"));
}

// A damaged newer checkpoint would otherwise be what pruning keeps, and the good one what it
// removes.
TEST_F(CheckpointTest, SettingTheNewerOnesAsideProtectsTheGoodOneFromPruning) {
  for (int round = 0; round < 3; ++round) {
    write(20);
    fs::remove(write(30).directory / "state.json");
    set_aside_checkpoints_after(checkpoints(), 20);
  }
  EXPECT_THAT(names(), ElementsAre("00000020", "00000030.damaged", "00000030.damaged-2",
                                   "00000030.damaged-3"));
  EXPECT_EQ(latest_checkpoint(checkpoints(), {})->iteration, 20);
  write(21);
  prune_checkpoints(checkpoints(), {.newest = 1});
  EXPECT_THAT(names(), ElementsAre("00000021", "00000030.damaged", "00000030.damaged-2",
                                   "00000030.damaged-3"));
}

}  // namespace
}  // namespace loopline::run
