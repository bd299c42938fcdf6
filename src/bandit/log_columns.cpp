#include "loopline/bandit/log_columns.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <span>

#include "columns_format.h"
#include "loopline/config/read_options.h"
#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/core/hash.h"
#include "loopline/core/interrupt.h"

namespace loopline::bandit {
namespace {

namespace fs = std::filesystem;
using io::DType;

/// A file's bytes in the address space, not in memory.
class Mapping {
 public:
  Mapping(const fs::path& path, std::size_t size) : size_(size) {
    if (size == 0) return;
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor >= 0) {
      data_ = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
      ::close(descriptor);
    }
    if (descriptor < 0 || data_ == MAP_FAILED) {
      throw failure(path.string(), std::string("cannot be read: ") + std::strerror(errno));
    }
  }
  ~Mapping() {
    if (size_ > 0) ::munmap(data_, size_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), size_}; }

 private:
  void* data_ = nullptr;
  std::size_t size_;
};

/// A column that grows in a file of its own until it is known how long it gets.
class Part {
 public:
  explicit Part(fs::path path, DType dtype, std::size_t width)
      : path_(std::move(path)), dtype_(dtype), width_(width), file_(path_) {}
  ~Part() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  template <class Value>
  void add(const std::vector<Value>& values) {
    static_assert(sizeof(Value) == 8);
    file_.write({reinterpret_cast<const char*>(values.data()), 8 * values.size()});
    count_ += values.size();
  }
  io::SafetensorsTensor finish() {
    file_.close();
    mapping_.emplace(path_, 8 * count_);
    std::vector<std::int64_t> shape = {static_cast<std::int64_t>(count_)};
    if (width_ > 0) {
      shape = {static_cast<std::int64_t>(count_ / width_), static_cast<std::int64_t>(width_)};
    }
    return {dtype_, shape, mapping_->bytes()};
  }

 private:
  fs::path path_;
  DType dtype_;
  std::size_t width_;  ///< 0: one value a row
  FileWriter file_;
  std::size_t count_ = 0;
  std::optional<Mapping> mapping_;
};

/// The columns of a log that is being written, beside the file that they are to be in.
class Parts {
 public:
  explicit Parts(fs::path target) : target_(std::move(target)) {}

  void add(const LogBlock& block) {
    put("action", DType::kI64, block.action);
    put("reward", DType::kF64, block.reward);
    put("propensity", DType::kF64, block.propensity);
    put("target", DType::kF64, block.target);
    put("position", DType::kI64, block.position);
    put("cluster", DType::kI64, block.cluster);
    put("logger", DType::kI64, block.logger);
    put("logger_propensity", DType::kF64, block.logger_propensity,
        block.logger_propensity.size() / block.size());
    put("time", DType::kF64, block.time);
    put("multiplicity", DType::kF64, block.multiplicity);
    put("context", DType::kF64, block.context, block.features);
    const ActionSets& sets = block.sets;
    if (sets.offset.empty()) return;
    std::vector<std::int64_t> offset;
    if (entries_ == 0) offset.push_back(0);
    for (std::size_t i = 1; i < sets.offset.size(); ++i) {
      offset.push_back(entries_ + static_cast<std::int64_t>(sets.offset[i]));
    }
    entries_ += static_cast<std::int64_t>(sets.id.size());
    put("sets.offset", DType::kI64, offset);
    put("sets.id", DType::kI64, sets.id);
    put("sets.feature", DType::kF64, sets.feature, sets.features);
    put("sets.probability", DType::kF64, sets.probability);
  }

  void finish(const std::map<std::string, std::string>& metadata) {
    std::map<std::string, io::SafetensorsTensor> tensors;
    for (auto& [name, part] : parts_) tensors[name] = part.finish();
    io::write_safetensors(target_, tensors, metadata);
  }

 private:
  template <class Value>
  void put(const std::string& name, DType dtype, const std::vector<Value>& values,
           std::size_t width = 0) {
    if (values.empty()) return;
    auto part = parts_.find(name);
    if (part == parts_.end()) {
      part = parts_.try_emplace(name, fs::path(target_.string() + "." + name), dtype, width).first;
    }
    part->second.add(values);
  }

  fs::path target_;
  std::map<std::string, Part> parts_;
  std::int64_t entries_ = 0;
};

}  // namespace

std::string log_fingerprint(const LogConfig& config, const LogEncoding& encoding) {
  LogConfig described = config;
  described.files.clear();  // where they lie does not matter, what they hold does
  std::string text = kColumnsSchema;
  text += '\n' + config::write_options([&](auto& v) { described.describe(v); }, false);
  text += encoding.to_json().dump();
  for (const std::string& file : config.files) {
    text += '\n' + std::to_string(static_cast<int>(format_of(config, file))) + sha256_file(file);
  }
  if (config.action_names) text += '\n' + sha256_file(*config.action_names);
  return sha256(text);
}

void write_columns(const fs::path& path, LogReader& reader, const std::string& fingerprint,
                   const EstimatedPropensities* estimated) {
  write_file_atomically(path, [&](const fs::path& temporary) {
    Parts parts(temporary);
    while (auto block = reader.next()) {
      if (interrupted()) throw stopped("the log");
      if (estimated != nullptr) block->propensity = estimated->of(*block);
      parts.add(*block);
    }
    LOOPLINE_CHECK(reader.rows() > 0, "a log has rows");
    const nlohmann::json names = {{"actions", reader.action_names()},
                                  {"loggers", reader.loggers()},
                                  {"action_count", reader.actions()}};
    std::map<std::string, std::string> metadata = {{"schema", kColumnsSchema},
                                                   {"fingerprint", fingerprint},
                                                   {"encoding", reader.encoding().to_json().dump()},
                                                   {"names", names.dump()}};
    if (estimated != nullptr) metadata[kEstimatedPropensities] = estimated->about.dump();
    parts.finish(metadata);
  });
}

bool has_estimated_propensities(const LogConfig& config) {
  const std::string& file = config.files.front();
  return format_of(config, file) == LogFormat::kColumns &&
         read_columns(file).has_estimated_propensities;
}

}  // namespace loopline::bandit
