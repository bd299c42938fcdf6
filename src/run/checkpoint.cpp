#include "loopline/run/checkpoint.h"

#include <algorithm>
#include <cmath>
#include <system_error>

#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/core/hash.h"
#include "loopline/io/json.h"

namespace loopline::run {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kFormat = "loopline-checkpoint";
constexpr int kVersion = 1;
constexpr const char* kStateFile = "state.json";
constexpr std::size_t kDigits = 8;
constexpr std::int64_t kLastIteration = 99'999'999;
constexpr std::uint64_t kMaxStateBytes = std::uint64_t{1} << 30;
constexpr std::size_t kMaxStateValues =
    100'000'000;  // a million prompts remember some rewards each

bool is_checkpoint_name(const std::string& name) {
  return name.size() == kDigits &&
         std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string checkpoint_name(std::int64_t iteration) {
  LOOPLINE_CHECK(iteration >= 0 && iteration <= kLastIteration, "iteration out of range");
  const std::string digits = std::to_string(iteration);
  return std::string(kDigits - digits.size(), '0') + digits;
}

/// JSON has no NaN: it would come back as null.
bool all_finite(const json& value) {
  if (value.is_number_float()) {
    return std::isfinite(value.get<double>());
  }
  return !value.is_structured() || std::all_of(value.begin(), value.end(), all_finite);
}

json describe_files(const fs::path& directory) {
  json files = json::object();
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    LOOPLINE_CHECK(entry.is_regular_file() && name != kStateFile,
                   "a checkpoint cannot hold '" + name + "'");
    files[name] = {{"sha256", sha256_file(entry.path())}, {"bytes", entry.file_size()}};
  }
  return files;
}

/// SHA-256 of all members but the hash itself.
std::string hash_of_document(json document) {
  document.erase("sha256");
  return sha256(document.dump());
}

/// A member that is a whole number and not negative: what else there is would be converted.
std::uint64_t whole_number(const json& object, const std::string& member) {
  return object.at(member).get_ref<const json::number_unsigned_t&>();
}

void verify_file(const fs::path& directory, const std::string& name, const json& expected) {
  // A name with a separator would make the check look outside of the checkpoint.
  const bool plain = !name.empty() && name != "." && name != ".." &&
                     name.find_first_of(std::string("/\0", 2)) == std::string::npos;
  if (!plain) {
    throw failure((directory / kStateFile).string(), "names a file outside of the checkpoint");
  }
  const fs::path path = directory / name;
  std::error_code reason;
  const std::uint64_t bytes = fs::file_size(path, reason);
  if (reason) {
    throw failure(path.string(), "cannot be read: " + reason.message());
  }
  if (bytes != whole_number(expected, "bytes")) {
    throw failure(path.string(), "is damaged: it has " + std::to_string(bytes) + " bytes, not " +
                                     expected.at("bytes").dump());
  }
  if (sha256_file(path) != expected.at("sha256").get<std::string>()) {
    throw failure(path.string(), "is damaged: its content does not match its hash");
  }
}

json read_document(const fs::path& path) {
  json document;
  try {
    document = io::parse_json(read_file(path, kMaxStateBytes), path.string(), kMaxStateValues);
  } catch (const Error& error) {
    if (error.exit_code() == ExitCode::kFailure) throw;  // it cannot be read
  }
  if (!document.is_object()) {
    throw failure(path.string(), "is damaged: it is not a JSON object");
  }
  if (!document.contains("format") || document["format"] != kFormat) {
    throw failure(path.string(), "is not the state of a Loopline checkpoint");
  }
  if (!document.contains("version") || document["version"] != kVersion) {
    const std::string version = document.contains("version") ? document["version"].dump() : "none";
    throw failure(path.string(),
                  "has version " + version + ", this Loopline reads " + std::to_string(kVersion));
  }
  if (!document.contains("sha256") || document["sha256"] != hash_of_document(document)) {
    throw failure(path.string(), "is damaged: its content does not match its hash");
  }
  return document;
}

}  // namespace

Checkpoint write_checkpoint(const fs::path& checkpoints, std::int64_t iteration, const json& state,
                            const FillCheckpoint& fill) {
  LOOPLINE_CHECK(all_finite(state), "the state of a checkpoint holds a number that is not finite");
  const fs::path directory = checkpoints / checkpoint_name(iteration);
  make_directories(checkpoints);
  replace_directory_atomically(directory, [&](const fs::path& temporary) {
    fill(temporary);
    json document = {{"format", kFormat},
                     {"version", kVersion},
                     {"iteration", iteration},
                     {"files", describe_files(temporary)},
                     {"state", state}};
    document["sha256"] = hash_of_document(document);
    const std::string text = document.dump(1) + "\n";
    LOOPLINE_CHECK(text.size() <= kMaxStateBytes, "no reader takes a state of that size");
    write_file_atomically(temporary / kStateFile, text);
  });
  return {directory, iteration, state};
}

std::int64_t iteration_of(const fs::path& directory) {
  const std::string name = directory.filename().string();
  LOOPLINE_CHECK(is_checkpoint_name(name), "'" + name + "' is no name of a checkpoint");
  return std::stoll(name);
}

Checkpoint read_checkpoint(const fs::path& directory) {
  const fs::path path = directory / kStateFile;
  const json document = read_document(path);
  try {
    const std::uint64_t iteration = whole_number(document, "iteration");
    if (iteration > static_cast<std::uint64_t>(kLastIteration)) {
      throw failure(path.string(), "is damaged: its iteration is out of range");
    }
    Checkpoint checkpoint = {directory, static_cast<std::int64_t>(iteration), document.at("state")};
    const std::string name = directory.filename().string();
    if (is_checkpoint_name(name) && name != checkpoint_name(checkpoint.iteration)) {
      throw failure(directory.string(),
                    "was renamed: it holds iteration " + std::to_string(checkpoint.iteration));
    }
    for (const auto& [file, expected] : document.at("files").items()) {
      verify_file(directory, file, expected);
    }
    return checkpoint;
  } catch (const json::exception&) {
    throw failure(path.string(), "is damaged: a member is missing or of the wrong type");
  }
}

std::vector<fs::path> list_checkpoints(const fs::path& checkpoints) {
  std::vector<fs::path> found;
  std::error_code reason;
  for (fs::directory_iterator entry(checkpoints, reason), end; !reason && entry != end;
       entry.increment(reason)) {
    if (is_checkpoint_name(entry->path().filename().string()) && entry->is_directory()) {
      found.push_back(entry->path());
    }
  }
  if (reason && reason != std::errc::no_such_file_or_directory) {
    throw failure(checkpoints.string(), "cannot be read: " + reason.message());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::optional<Checkpoint> latest_checkpoint(const fs::path& checkpoints,
                                            const std::function<void(const std::string&)>& warn) {
  const std::vector<fs::path> found = list_checkpoints(checkpoints);
  for (auto directory = found.rbegin(); directory != found.rend(); ++directory) {
    try {
      return read_checkpoint(*directory);
    } catch (const Error& error) {
      warn("checkpoint passed over: " + std::string(error.what()));
    }
  }
  if (!found.empty()) {
    throw failure(checkpoints.string(), "holds no checkpoint that can be read",
                  "restore one, or start a new run");
  }
  return std::nullopt;
}

void set_aside_checkpoints_after(const fs::path& checkpoints, std::int64_t iteration) {
  for (const fs::path& directory : list_checkpoints(checkpoints)) {
    if (iteration_of(directory) <= iteration) {
      continue;
    }
    fs::path aside = directory.string() + ".damaged";
    for (int number = 2; fs::exists(fs::symlink_status(aside)); ++number) {
      aside = directory.string() + ".damaged-" + std::to_string(number);
    }
    rename_durably(directory, aside);
  }
}

void prune_checkpoints(const fs::path& checkpoints, const Retention& retention) {
  LOOPLINE_CHECK(retention.newest >= 1, "pruning keeps at least one checkpoint");
  const std::vector<fs::path> found = list_checkpoints(checkpoints);
  for (std::size_t i = 0; i + static_cast<std::size_t>(retention.newest) < found.size(); ++i) {
    const std::int64_t iteration = iteration_of(found[i]);
    const bool multiple = retention.every > 0 && iteration % retention.every == 0;
    if (!multiple && iteration != retention.best) {
      remove_atomically(found[i]);
    }
  }
  remove_unfinished(checkpoints);
}

}  // namespace loopline::run
