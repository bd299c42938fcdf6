#include "log_rows.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "loopline/bandit/log_columns.h"
#include "loopline/core/error.h"
#include "loopline/core/files.h"

namespace loopline::bandit {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMessagesKept = 10;
constexpr std::uint64_t kMostNameBytes = 64 << 20;
constexpr std::int64_t kMostNames = 1'000'000;

Actions read_actions(const LogConfig& config) {
  Actions actions;
  actions.count = config.actions.value_or(0);
  if (!config.action_names) return actions;
  const std::string& file = *config.action_names;
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored)) throw Error(file, "no such file");
  const std::string text = read_file(file, kMostNameBytes);
  std::int64_t line = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view name = std::string_view(text).substr(begin, end - begin);
    if (name.ends_with('\r')) name.remove_suffix(1);
    const std::string place = file + ":" + std::to_string(++line);
    if (name.empty()) throw Error(place, "names no action");
    if (!is_utf8(name)) throw Error(place, "the name is not valid UTF-8");
    if (line > kMostNames) throw Error(place, "more than " + std::to_string(kMostNames) + " names");
    if (actions.names.add(name) != line - 1) throw Error(place, "an action is named a second time");
    begin = end + 1;
  }
  if (line == 0) throw Error(file, "names no action");
  if (actions.count != 0 && actions.count != line) {
    throw Error(file, "names " + std::to_string(line) + " actions, and actions says " +
                          std::to_string(actions.count));
  }
  actions.count = line;
  return actions;
}

}  // namespace

void Row::clear() {
  fields = 0;
  propensity = target = time = 0;
  multiplicity = 1;
  logger_propensity.clear();
  context.clear();
  set_size = 0;
  set_feature.clear();
  set_probability.clear();
}

void take_own_propensity(Row& row, std::string_view column) {
  row.propensity =
      checked_propensity(row.logger_propensity[static_cast<std::size_t>(row.logger)], column);
  row.fields |= kPropensity | kLoggerPropensity;
}

void check_set_size(std::size_t actions, std::size_t features) {
  if (actions <= kMostSetNumbers / (features + 1)) return;
  throw BadRow("has " + std::to_string(actions) + " actions of " + std::to_string(features) +
               " features each: more numbers than a row may have");
}

double reward_sign(const LogConfig& config, bool has_costs) {
  return static_cast<double>(config.reward.sign.value_or(has_costs ? -1 : 1));
}

LogRows::LogRows(LogConfig config, ReadOptions options, FeatureSink& context, FeatureSink& action,
                 std::size_t action_features)
    : config_(std::move(config)),
      options_(std::move(options)),
      context_(context),
      action_(action),
      action_features_(action_features),
      actions_(read_actions(config_)) {}

bool LogRows::next(Row& row) {
  while (source_ || file_ < config_.files.size()) {
    if (!source_) open(config_.files[file_++]);
    row.clear();
    try {
      if (!source_->next(row)) {
        source_.reset();
        continue;
      }
      check_fields(row);
    } catch (const BadRow& bad) {
      refuse(bad);
      continue;
    }
    note(row);
    const std::int64_t unit = (row.fields & kCluster) != 0 ? row.cluster : rows_ - 1;
    if (!options_.keep || options_.keep(unit)) return true;
  }
  check_all();
  return false;
}

void LogRows::open(const fs::path& file) {
  const SourceParts parts{config_,          options_, context_, action_,
                          action_features_, actions_, loggers_};
  switch (format_of(config_, file)) {
    case LogFormat::kCsv:
      source_ = open_csv(file, parts);
      break;
    case LogFormat::kVw:
      source_ = open_vw(file, parts);
      break;
    case LogFormat::kDsjson:
      source_ = open_dsjson(file, parts);
      break;
    case LogFormat::kColumns:
      open_columns_file(file, parts);
      break;
  }
}

void LogRows::open_columns_file(const fs::path& file, const SourceParts& parts) {
  const ColumnsInfo info = read_columns(file);
  actions_.count = info.actions;
  for (const std::string& name : info.action_names) actions_.names.add(name);
  for (const std::string& name : info.loggers) loggers_.add(name);
  source_ = open_columns(file, parts);
}

void LogRows::check_fields(const Row& row) {
  if (rows_ == 0) fields_ = row.fields;
  if (options_.needs_propensity && (fields_ & kPropensity) == 0) {
    throw Error(config_.files.front(), "has no propensities",
                "estimate them first with `loopline bandit propensity`");
  }
  if (row.fields == fields_) return;
  if ((row.fields ^ fields_) == kSetProbability) {
    throw BadRow("p", "is given in some rows only");
  }
  throw BadRow("does not have the same fields as the first row of the log");
}

void LogRows::refuse(const BadRow& bad) {
  const std::string place = source_->place();
  if (config_.bad_rows == "stop") {
    throw Error(place, bad.what(), "bad_rows: skip leaves such rows out and counts them");
  }
  ++skipped_;
  if (messages_.size() < kMessagesKept) messages_.emplace_back(Error(place, bad.what()).what());
}

void LogRows::note(const Row& row) {
  ++rows_;
  most_action_ = std::max(
      most_action_, row.set_size > 0 ? static_cast<std::int64_t>(row.set_size) - 1 : row.action);
  // Loggers that differ are random together, even if each is not.
  const auto is_below_1 = [](double p) { return p != 1; };
  any_propensity_below_1_ =
      any_propensity_below_1_ || row.propensity != 1 ||
      std::any_of(row.logger_propensity.begin(), row.logger_propensity.end(), is_below_1);
}

void LogRows::check_all() const {
  const std::string& where = config_.files.front();
  if (rows_ == 0) {
    throw Error(where, skipped_ == 0 ? "holds no row" : "holds no good row",
                messages_.empty() ? "" : messages_.front());
  }
  if (options_.needs_propensity && !any_propensity_below_1_) {
    throw Error(where, "all propensities are exactly 1: these are not logged probabilities",
                "name the column of the logging policy's probabilities, or estimate them with "
                "`loopline bandit propensity`");
  }
}

}  // namespace loopline::bandit
