#include "loopline/bandit/log_reader.h"

#include <algorithm>
#include <utility>

#include "log_rows.h"
#include "loopline/bandit/log_columns.h"
#include "loopline/core/error.h"

namespace loopline::bandit {
namespace {

namespace fs = std::filesystem;

/// Appends a checked row to a block.
void append(const Row& row, LogBlock& block) {
  const auto add_if = [&](Field field, auto& column, const auto& value) {
    if ((row.fields & field) != 0) column.push_back(value);
  };
  block.action.push_back(row.action);
  block.reward.push_back(row.reward);
  add_if(kPropensity, block.propensity, row.propensity);
  add_if(kTarget, block.target, row.target);
  add_if(kPosition, block.position, row.position);
  add_if(kCluster, block.cluster, row.cluster);
  add_if(kLogger, block.logger, row.logger);
  add_if(kTime, block.time, row.time);
  add_if(kMultiplicity, block.multiplicity, row.multiplicity);
  block.context.insert(block.context.end(), row.context.begin(), row.context.end());
  if ((row.fields & kSet) == 0) return;
  ActionSets& sets = block.sets;
  if (sets.offset.empty()) sets.offset.push_back(0);
  for (std::size_t i = 0; i < row.set_size; ++i) sets.id.push_back(static_cast<std::int64_t>(i));
  sets.offset.push_back(sets.id.size());
  sets.feature.insert(sets.feature.end(), row.set_feature.begin(), row.set_feature.end());
  sets.probability.insert(sets.probability.end(), row.set_probability.begin(),
                          row.set_probability.end());
}

/// A columns file brings its encoding.
LogEncoding encoding_of(const LogConfig& config, LogEncoding given) {
  config.check();
  const fs::path file = config.files.front();
  if (format_of(config, file) != LogFormat::kColumns) return given;
  LogEncoding own = read_columns(file).encoding;
  if (given.empty() || given == own) return own;
  throw Error(file.string(), "was written with another encoding", "write it again");
}

}  // namespace

struct LogReader::State {
  State(const LogConfig& config, LogEncoding given, ReadOptions options)
      : limits(options.limits),
        encoding(encoding_of(config, std::move(given))),
        context(encoding.context),
        action(encoding.action),
        rows(config, options, context, action, encoding.action.width()) {
    has_row = rows.next(row);
  }

  std::size_t numbers() const {
    return row.context.size() + row.set_feature.size() + 2 * row.set_size;
  }

  ReadLimits limits;
  LogEncoding encoding;
  FeatureEncoder context, action;
  LogRows rows;
  Row row;  // the first of the next block
  bool has_row = false;
  std::int64_t handed_out = 0;
};

LogReader::LogReader(const LogConfig& config, LogEncoding encoding, ReadOptions options)
    : state_(std::make_unique<State>(config, std::move(encoding), options)) {}
LogReader::~LogReader() = default;
LogReader::LogReader(LogReader&&) noexcept = default;
LogReader& LogReader::operator=(LogReader&&) noexcept = default;

std::optional<LogBlock> LogReader::next() {
  State& s = *state_;
  if (!s.has_row) return std::nullopt;
  LogBlock block;
  block.first_row = s.handed_out;
  block.features = s.encoding.context.width();
  block.sets.features = s.encoding.action.width();
  std::size_t numbers = 0;
  while (s.has_row && block.size() < s.limits.block_rows) {
    numbers += s.numbers();
    if (numbers > s.limits.block_numbers && block.size() > 0) break;
    append(s.row, block);
    s.has_row = s.rows.next(s.row);
  }
  s.handed_out += static_cast<std::int64_t>(block.size());
  return block;
}

const LogEncoding& LogReader::encoding() const { return state_->encoding; }
std::int64_t LogReader::rows() const { return state_->handed_out; }
std::int64_t LogReader::skipped() const { return state_->rows.skipped(); }
const std::vector<std::string>& LogReader::skipped_messages() const {
  return state_->rows.messages();
}
std::int64_t LogReader::actions() const {
  const std::int64_t count = state_->rows.actions().count;
  return count > 0 ? count : state_->rows.most_action() + 1;
}
const std::vector<std::string>& LogReader::action_names() const {
  return state_->rows.actions().names.names();
}
const std::vector<std::string>& LogReader::loggers() const {
  return state_->rows.loggers().names();
}
std::size_t LogReader::buffer_bytes() const { return state_->rows.buffer_bytes(); }

LogEncoding learn_encoding(const LogConfig& config, ReadOptions options) {
  const LogEncoding own = encoding_of(config, {});
  if (!own.empty()) return own;
  FeatureLearner context(config);
  FeatureLearner action(config);
  LogRows rows(config, options, context, action, 0);
  Row row;
  while (rows.next(row)) {
  }
  const std::string& where = config.files.front();
  return {context.encoding(where), action.encoding(where)};
}

}  // namespace loopline::bandit
