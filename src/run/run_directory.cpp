#include "loopline/run/run_directory.h"

#include <system_error>

#include "loopline/core/error.h"
#include "loopline/core/files.h"

namespace loopline::run {

namespace {

namespace fs = std::filesystem;

/// Whether nothing is there but what `create` itself puts there before config.yaml, its last file.
bool left_by_interrupted_creation(const fs::directory_entry& entry) {
  const std::string name = entry.path().filename().string();
  if (name == "samples" || name == "checkpoints") {
    return entry.is_directory() && fs::is_empty(entry.path());
  }
  return name == "run.json" || name == "init.safetensors" || name == RunLock::kFile ||
         is_temporary(entry.path());
}

void check_vacant(const fs::path& path) try {
  std::error_code reason;
  const fs::file_status status = fs::status(path, reason);
  if (!fs::exists(status)) {
    return;
  }
  if (!fs::is_directory(status)) {
    throw Error(path.string(), "is a file, not a directory", "choose another run directory");
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
    if (left_by_interrupted_creation(entry)) {
      continue;
    }
    if (RunDirectory::is_run(path)) {
      throw Error(path.string(), "already holds a run",
                  "go on with `loopline resume " + path.string() +
                      "`, or choose another directory with --run");
    }
    throw Error(path.string(), "is not empty", "choose another directory with --run");
  }
} catch (const fs::filesystem_error& error) {
  throw failure(path.string(), "cannot be read: " + error.code().message());
}

}  // namespace

RunDirectory RunDirectory::create(
    const fs::path& path, const std::string& config_yaml, const nlohmann::json& run_json,
    const std::function<void(const fs::path&)>& write_initial_weights) {
  check_vacant(path);  // before the lock: it would leave its file where a user keeps other things
  make_directories(path);
  RunDirectory run(path);
  run.lock();
  check_vacant(path);  // another process may have been quicker
  if (write_initial_weights) {
    write_file_atomically(run.initial_weights(), write_initial_weights);
  }
  // A command line may hold bytes that are not UTF-8.
  write_file_atomically(
      run.run_json(),
      run_json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  write_file_atomically(run.config(), config_yaml);
  return run;
}

RunDirectory RunDirectory::open(const fs::path& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {
    throw Error(path.string(), "there is no such run directory");
  }
  RunDirectory run(path);
  for (const fs::path& file : {run.config(), run.run_json()}) {
    if (!fs::is_regular_file(file, ignored)) {
      throw Error(path.string(), "is not a run directory: it has no " + file.filename().string(),
                  "give the directory that `loopline train` wrote");
    }
  }
  return run;
}

void RunDirectory::lock() {
  lock_ = std::make_shared<RunLock>(path_);
  for (const fs::path& directory : {path_, samples(), pictures(), checkpoints()}) {
    remove_unfinished(directory);
  }
  make_directories(samples());
  make_directories(checkpoints());
}

const RunLock& RunDirectory::held_lock() const {
  LOOPLINE_CHECK(lock_ != nullptr, "a run is written to under its lock");
  return *lock_;
}

bool RunDirectory::is_run(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path / "config.yaml", ignored) &&
         fs::is_regular_file(path / "run.json", ignored);
}

}  // namespace loopline::run
