#include "loopline/bandit/log_reader.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "log_rows.h"
#include "loopline/bandit/log_columns.h"
#include "loopline/core/error.h"
#include "loopline/core/interrupt.h"

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
  block.logger_propensity.insert(block.logger_propensity.end(), row.logger_propensity.begin(),
                                 row.logger_propensity.end());
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

/// Propensities of the mixture of the loggers: the balance heuristic (Veach & Guibas 1995).
void balance(LogBlock& block, const std::vector<double>& shares) {
  LOOPLINE_CHECK(block.logger_propensity.size() == block.size() * shares.size(),
                 "every row has the propensity of every logger that has a share");
  block.own_propensity = block.propensity;
  for (std::size_t i = 0; i < block.size(); ++i) {
    const double* p = block.logger_propensity.data() + i * shares.size();
    const double mixture = std::inner_product(shares.begin(), shares.end(), p, 0.0);
    block.propensity[i] = std::min(1.0, mixture);  // but for rounding it is
  }
}

/// A columns file brings its encoding.
LogEncoding encoding_of(const LogConfig& config, LogEncoding given, const ReadOptions& options) {
  config.check("log", options.needs_decision);
  const fs::path file = config.files.front();
  if (format_of(config, file) != LogFormat::kColumns) return given;
  LogEncoding own = read_columns(file).encoding;
  if (given.empty() || given == own) return own;
  throw Error(file.string(), "was written with another encoding", "write it again");
}

}  // namespace

struct LogReader::State {
  explicit State(LogEncoding own) : encoding(std::move(own)) {}
  virtual ~State() = default;

  virtual std::optional<LogBlock> next() = 0;
  virtual std::int64_t actions() const = 0;
  /// What files alone have.
  virtual const LogRows* rows() const { return nullptr; }

  LogEncoding encoding;
  std::int64_t handed_out = 0;
};

struct LogReader::FileState : LogReader::State {
  FileState(const LogConfig& config, LogEncoding given, ReadOptions options)
      : State(encoding_of(config, std::move(given), options)),
        limits(options.limits),
        shares(options.logger_shares),
        context(encoding.context),
        action(encoding.action),
        file_rows(config, options, context, action, encoding.action.width()) {
    has_row = file_rows.next(row);
  }

  std::size_t numbers() const {
    return row.context.size() + row.set_feature.size() + 2 * row.set_size +
           row.logger_propensity.size();
  }

  std::optional<LogBlock> next() override {
    if (!has_row) return std::nullopt;
    LogBlock block;
    block.first_row = handed_out;
    block.features = encoding.context.width();
    block.sets.features = encoding.action.width();
    std::size_t sum = 0;
    while (has_row && block.size() < limits.block_rows) {
      sum += numbers();
      if (sum > limits.block_numbers && block.size() > 0) break;
      append(row, block);
      has_row = file_rows.next(row);
    }
    if (!shares.empty()) balance(block, shares);
    return block;
  }

  std::int64_t actions() const override {
    const std::int64_t count = file_rows.actions().count;
    return count > 0 ? count : file_rows.most_action() + 1;
  }
  const LogRows* rows() const override { return &file_rows; }

  ReadLimits limits;
  std::vector<double> shares;
  FeatureEncoder context, action;
  LogRows file_rows;
  Row row;  // the first of the next block
  bool has_row = false;
};

struct LogReader::MemoryState : LogReader::State {
  MemoryState(std::shared_ptr<const std::vector<LogBlock>> own, LogEncoding given,
              std::int64_t count)
      : State(std::move(given)), blocks(std::move(own)), action_count(count) {}

  std::optional<LogBlock> next() override {
    if (place == blocks->size()) return std::nullopt;
    return (*blocks)[place++];
  }
  std::int64_t actions() const override { return action_count; }

  std::shared_ptr<const std::vector<LogBlock>> blocks;
  std::int64_t action_count;
  std::size_t place = 0;
};

namespace {

const std::vector<std::string> kNoTexts;

}  // namespace

LogReader::LogReader(const LogConfig& config, LogEncoding encoding, ReadOptions options)
    : state_(std::make_unique<FileState>(config, std::move(encoding), options)) {}
LogReader::LogReader(std::shared_ptr<const std::vector<LogBlock>> blocks, LogEncoding encoding,
                     std::int64_t actions)
    : state_(std::make_unique<MemoryState>(std::move(blocks), std::move(encoding), actions)) {}
LogReader::~LogReader() = default;
LogReader::LogReader(LogReader&&) noexcept = default;
LogReader& LogReader::operator=(LogReader&&) noexcept = default;

std::optional<LogBlock> LogReader::next() {
  std::optional<LogBlock> block = state_->next();
  if (block) state_->handed_out += static_cast<std::int64_t>(block->size());
  return block;
}

const LogEncoding& LogReader::encoding() const { return state_->encoding; }
std::int64_t LogReader::rows() const { return state_->handed_out; }
std::int64_t LogReader::skipped() const {
  const LogRows* rows = state_->rows();
  return rows == nullptr ? 0 : rows->skipped();
}
const std::vector<std::string>& LogReader::skipped_messages() const {
  const LogRows* rows = state_->rows();
  return rows == nullptr ? kNoTexts : rows->messages();
}
std::int64_t LogReader::actions() const { return state_->actions(); }
const std::vector<std::string>& LogReader::action_names() const {
  const LogRows* rows = state_->rows();
  return rows == nullptr ? kNoTexts : rows->actions().names.names();
}
const std::vector<std::string>& LogReader::loggers() const {
  const LogRows* rows = state_->rows();
  return rows == nullptr ? kNoTexts : rows->loggers().names();
}
std::size_t LogReader::buffer_bytes() const {
  const LogRows* rows = state_->rows();
  return rows == nullptr ? 0 : rows->buffer_bytes();
}

std::vector<double> logger_shares(LogReader& reader) {
  std::vector<double> shares(reader.loggers().size());
  double total = 0;
  while (const std::optional<LogBlock> block = reader.next()) {
    if (interrupted()) throw stopped("the log");
    if (block->logger_propensity.empty()) return {};
    for (std::size_t i = 0; i < block->size(); ++i) {
      const double count = block->multiplicity.empty() ? 1 : block->multiplicity[i];
      shares[static_cast<std::size_t>(block->logger[i])] += count;
      total += count;
    }
  }
  for (double& share : shares) share /= total;
  return shares;
}

LogEncoding learn_encoding(const LogConfig& config, ReadOptions options) {
  const LogEncoding own = encoding_of(config, {}, options);
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
