#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <string>

#include "column_stream.h"
#include "columns_format.h"
#include "loopline/bandit/log_columns.h"
#include "loopline/core/error.h"
#include "loopline/io/json.h"
#include "row_source.h"

namespace loopline::bandit {

namespace fs = std::filesystem;
using io::DType;

void ColumnStream::fill() {
  constexpr std::uint64_t kBufferBytes = 1 << 16;
  const std::uint64_t wanted = std::min(kBufferBytes, end_ - position_);
  LOOPLINE_CHECK(wanted > 0, "a column has as many values as its shape says");
  buffer_.resize(kBufferBytes / 8);
  auto* bytes = reinterpret_cast<char*>(buffer_.data());
  for (std::uint64_t got = 0; got < wanted;) {
    const ssize_t count =
        ::pread(descriptor_, bytes + got, wanted - got, static_cast<off_t>(position_ + got));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      throw failure(path_.string(), count == 0
                                        ? "was cut off while it was read"
                                        : std::string("cannot be read: ") + std::strerror(errno));
    }
    got += static_cast<std::uint64_t>(count);
  }
  position_ += wanted;
  next_ = 0;
  size_ = wanted / 8;
}

void ColumnStream::read(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    if (next_ == size_) fill();
    const std::size_t count = std::min(bytes.size() / 8, size_ - next_);
    std::memcpy(bytes.data(), buffer_.data() + next_, 8 * count);
    next_ += count;
    bytes = bytes.subspan(8 * count);
  }
}

namespace {

const std::string& metadata_of(const io::SafetensorsHeader& header, const std::string& name,
                               const std::string& where) {
  const auto found = header.metadata.find(name);
  if (found == header.metadata.end()) {
    throw Error(where, "is no bandit log: its metadata lack " + name);
  }
  return found->second;
}

std::vector<std::string> names_of(const nlohmann::json& json, const char* key,
                                  const std::string& where) {
  std::vector<std::string> names;
  if (!json.is_object() || !json.contains(key) || !json[key].is_array()) {
    throw Error(where, std::string("the metadata have no list of ") + key);
  }
  for (const auto& name : json[key]) {
    if (!name.is_string()) throw Error(where, std::string("one of the ") + key + " is no text");
    names.push_back(name.get<std::string>());
  }
  return names;
}

std::int64_t columns_rows(const io::SafetensorsHeader& header, const std::string& where) {
  const auto found = header.tensors.find("action");
  if (found == header.tensors.end() || found->second.shape.size() != 1) {
    throw Error(where, "has no column \"action\"");
  }
  return found->second.shape[0];
}

ColumnsInfo info_of(const io::SafetensorsHeader& header, const std::string& where) {
  const std::string& schema = metadata_of(header, "schema", where);
  if (schema != kColumnsSchema) {
    throw Error(where, "is \"" + BadRow::shortened(schema) + "\", not " + kColumnsSchema,
                "another version of this program wrote it: write it again");
  }
  ColumnsInfo info;
  info.fingerprint = metadata_of(header, "fingerprint", where);
  info.encoding =
      LogEncoding::from_json(io::parse_json(metadata_of(header, "encoding", where), where), where);
  const nlohmann::json names = io::parse_json(metadata_of(header, "names", where), where);
  info.action_names = names_of(names, "actions", where);
  info.loggers = names_of(names, "loggers", where);
  const auto count = names.find("action_count");
  if (count == names.end() || !count->is_number_integer() || *count < 0 || *count > (1 << 30)) {
    throw Error(where, "the metadata have no action_count");
  }
  info.actions = count->get<std::int64_t>();
  info.rows = columns_rows(header, where);
  info.has_estimated_propensities = header.metadata.contains(kEstimatedPropensities);
  return info;
}

class ColumnsSource : public RowSource {
 public:
  ColumnsSource(const fs::path& path, SourceParts parts)
      : parts_(parts),
        path_(path),
        header_(io::read_safetensors_header(path)),
        info_(info_of(header_, path.string())),
        descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor_ < 0) {
      throw failure(path.string(), std::string("cannot be read: ") + std::strerror(errno));
    }
    try {
      open_columns();
    } catch (...) {
      ::close(descriptor_);
      throw;
    }
  }
  ~ColumnsSource() override { ::close(descriptor_); }

  bool next(Row& row) override {
    if (row_ == info_.rows) return false;
    ++row_;
    try {
      read_row(row);
    } catch (const BadRow& bad) {
      throw Error(place(), bad.what(), "the file is damaged: write it again");
    }
    return true;
  }
  std::string place() const override {
    return path_.string() + ": row " + std::to_string(row_ - 1);
  }
  std::size_t buffer_bytes() const override { return 0; }

 private:
  using Stream = std::optional<ColumnStream>;

  void open_columns() {
    const std::int64_t n = info_.rows;
    const auto width = static_cast<std::int64_t>(info_.encoding.context.width());
    const auto set_width = static_cast<std::int64_t>(info_.encoding.action.width());
    action_ = open("action", DType::kI64, {n});
    reward_ = open("reward", DType::kF64, {n});
    if (!reward_) throw Error(path_.string(), "has no column \"reward\"");
    for (const ColumnName& column : kOptionalColumns) {
      if (Stream stream = open(column.name, column.dtype, {n})) {
        fields_ |= column.field;
        optional_.push_back({column.field, *std::move(stream)});
      }
    }
    const auto loggers = static_cast<std::int64_t>(info_.loggers.size());
    logger_propensity_ = open("logger_propensity", DType::kF64, {n, loggers});
    if (logger_propensity_ && (fields_ & kLogger) == 0) {
      throw Error(path_.string(), "has no column \"logger\"");
    }
    if (width > 0) context_ = demand("context", {n, width});
    if (Stream offsets = open("sets.offset", DType::kI64, {n + 1})) {
      offset_ = std::move(offsets);
      fields_ |= kSet;
      entries_ = header_.tensors.contains("sets.id") && !header_.tensors.at("sets.id").shape.empty()
                     ? header_.tensors.at("sets.id").shape[0]
                     : -1;
      id_ = open("sets.id", DType::kI64, {entries_});
      if (!id_) throw Error(path_.string(), "has no column \"sets.id\"");
      if (set_width > 0) set_feature_ = demand("sets.feature", {entries_, set_width});
      set_probability_ = open("sets.probability", DType::kF64, {entries_});
      if (set_probability_) fields_ |= kSetProbability;
      if (offset_->take<std::int64_t>() != 0) {
        throw Error(path_.string(), "the first of sets.offset is not 0");
      }
    }
    if (used_ != header_.tensors.size()) {
      throw Error(path_.string(), "has columns that no bandit log has");
    }
  }

  Stream open(const std::string& name, DType dtype, const std::vector<std::int64_t>& shape) {
    const auto found = header_.tensors.find(name);
    if (found == header_.tensors.end()) return std::nullopt;
    const io::SafetensorsEntry& entry = found->second;
    if (entry.dtype != dtype || entry.shape != shape) {
      throw Error(path_.string(), "column \"" + name + "\" has another type or shape than its log");
    }
    ++used_;
    return ColumnStream(path_, descriptor_, header_.data_begin + entry.begin,
                        header_.data_begin + entry.end);
  }
  Stream demand(const std::string& name, const std::vector<std::int64_t>& shape) {
    Stream stream = open(name, DType::kF64, shape);
    if (!stream) throw Error(path_.string(), "has no column \"" + name + "\"");
    return stream;
  }

  void read_row(Row& row) {
    row.fields = fields_;
    row.action = parts_.actions.checked(action_->take<std::int64_t>(), "action");
    row.reward = checked_finite(reward_->take<double>(), "reward");
    for (auto& [field, stream] : optional_) read_optional(field, stream, row);
    if (logger_propensity_) {
      logger_propensity_->take(info_.loggers.size(), row.logger_propensity);
      for (const double p : row.logger_propensity) checked_target(p, "logger_propensity");
      take_own_propensity(row, "logger_propensity");
    }
    if (context_) take_finite(*context_, info_.encoding.context.width(), row.context, "context");
    if (offset_) read_set(row);
  }

  void read_optional(Field field, ColumnStream& stream, Row& row) {
    switch (field) {
      case kPropensity:
        row.propensity = checked_propensity(stream.take<double>(), "propensity");
        break;
      case kTarget:
        row.target = checked_target(stream.take<double>(), "target");
        break;
      case kPosition:
        row.position = checked_position(stream.take<std::int64_t>(), "position");
        break;
      case kCluster:
        row.cluster = stream.take<std::int64_t>();
        break;
      case kLogger: {
        row.logger = stream.take<std::int64_t>();
        const auto loggers = static_cast<std::int64_t>(info_.loggers.size());
        if (row.logger < 0 || row.logger >= loggers) throw BadRow("logger", "is not known");
        break;
      }
      case kTime:
        row.time = checked_finite(stream.take<double>(), "time");
        break;
      case kMultiplicity:
        row.multiplicity = checked_multiplicity(stream.take<double>(), "multiplicity");
        break;
      case kSet:
      case kSetProbability:
      case kLoggerPropensity:
        LOOPLINE_CHECK(false, "these are no single column");
    }
  }

  void read_set(Row& row) {
    const std::int64_t end = offset_->take<std::int64_t>();
    if (end <= set_end_ || end > entries_ || (row_ == info_.rows && end != entries_)) {
      throw BadRow("sets.offset", "does not fit the actions of the sets");
    }
    row.set_size = static_cast<std::size_t>(end - set_end_);
    set_end_ = end;
    check_set_size(row.set_size, info_.encoding.action.width());
    for (std::size_t i = 0; i < row.set_size; ++i) {
      if (id_->take<std::int64_t>() != static_cast<std::int64_t>(i)) {
        throw BadRow("sets.id", "is not the place of the action");
      }
    }
    if (row.action >= static_cast<std::int64_t>(row.set_size)) {
      throw BadRow("action", "is not in the row's set");
    }
    const std::size_t width = info_.encoding.action.width();
    if (set_feature_) take_finite(*set_feature_, width * row.set_size, row.set_feature, "features");
    if (!set_probability_) return;
    take_finite(*set_probability_, row.set_size, row.set_probability, "sets.probability");
    for (const double p : row.set_probability) checked_target(p, "sets.probability");
  }

  static void take_finite(ColumnStream& stream, std::size_t count, std::vector<double>& numbers,
                          std::string_view column) {
    stream.take(count, numbers);
    for (const double number : numbers) checked_finite(number, column);
  }

  SourceParts parts_;
  fs::path path_;
  io::SafetensorsHeader header_;
  ColumnsInfo info_;
  int descriptor_;
  unsigned fields_ = 0;
  Stream action_, reward_, logger_propensity_, context_, offset_, id_, set_feature_,
      set_probability_;
  std::vector<std::pair<Field, ColumnStream>> optional_;
  std::size_t used_ = 0;
  std::int64_t row_ = 0, entries_ = 0, set_end_ = 0;
};

}  // namespace

ColumnsInfo read_columns(const fs::path& path) {
  return info_of(io::read_safetensors_header(path), path.string());
}

std::unique_ptr<RowSource> open_columns(const fs::path& file, SourceParts parts) {
  return std::make_unique<ColumnsSource>(file, parts);
}

}  // namespace loopline::bandit
