#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace loopline::run {

/// Checkpoint v1: a directory `checkpoints/NNNNNNNN` (the number of finished iterations) with
/// state.json and the files it lists. It appears complete or not at all.
///
/// state.json: {"format": "loopline-checkpoint", "version": 1, "iteration": n,
///              "files": {name: {"sha256": ..., "bytes": ...}}, "state": {...}, "sha256": ...}
/// `state` belongs to the trainer (bundle hash, baseline state, counters); doubles in it read back
/// bit for bit. The outer `sha256` is that of the other members as compact JSON with sorted keys.
struct Checkpoint {
  std::filesystem::path directory;
  std::int64_t iteration = 0;
  nlohmann::json state;
};

/// Writes files by name into a directory; called once by write_checkpoint.
using FillCheckpoint = std::function<void(const std::filesystem::path& directory)>;

/// Writes `checkpoints`/NNNNNNNN: `fill` writes the binary files, state.json follows with their
/// hashes, then everything is fsynced and renamed into place. A checkpoint of the same number is
/// replaced: the later writer has the history that goes on. `iteration` is in 0..99999999, the
/// files are plain files without subdirectories, and numbers in `state` are finite.
Checkpoint write_checkpoint(const std::filesystem::path& checkpoints, std::int64_t iteration,
                            const nlohmann::json& state, const FillCheckpoint& fill);

/// Reads one checkpoint directory and verifies format, version, sizes and hashes. A damaged one is
/// an Error (exit 1) that names the file.
Checkpoint read_checkpoint(const std::filesystem::path& directory);

/// All checkpoint directories, newest last, found by name; unfinished temporary ones are ignored.
std::vector<std::filesystem::path> list_checkpoints(const std::filesystem::path& checkpoints);

/// The newest checkpoint that verifies, found by content; `warn` receives one line for each damaged
/// one passed over. None when there are no checkpoints; when there are some and none verifies that
/// is an Error (exit 1), since going on from the beginning is not what anyone wants.
std::optional<Checkpoint> latest_checkpoint(const std::filesystem::path& checkpoints,
                                            const std::function<void(const std::string&)>& warn);

/// Renames the checkpoints after `iteration` to NNNNNNNN.damaged (or .damaged-2, ...). A resume
/// calls it with the iteration that it goes on from: the newer ones could not be read, pruning must
/// not count them, and it is not for a program to say that nobody can mend them.
void set_aside_checkpoints_after(const std::filesystem::path& checkpoints, std::int64_t iteration);

/// The iteration that a checkpoint directory is named after.
std::int64_t iteration_of(const std::filesystem::path& directory);

/// Which checkpoints stay.
struct Retention {
  std::int64_t newest = 2;             ///< >= 1, the last ones
  std::int64_t every = 0;              ///< and those whose iteration is a multiple; 0: none
  std::optional<std::int64_t> best{};  ///< and that of this iteration
};

/// Removes the other checkpoints, and what killed writers left behind.
void prune_checkpoints(const std::filesystem::path& checkpoints, const Retention& retention);

}  // namespace loopline::run
