#include "loopline/bandit/log_config.h"

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include "loopline/core/error.h"

namespace loopline::bandit {
namespace {

using config::option;

constexpr std::array<std::pair<const char*, LogFormat>, 4> kFormats = {
    {{"csv", LogFormat::kCsv},
     {"columns", LogFormat::kColumns},
     {"vw", LogFormat::kVw},
     {"dsjson", LogFormat::kDsjson}}};

constexpr std::array<std::pair<const char*, LogFormat>, 8> kEndings = {
    {{".csv", LogFormat::kCsv},
     {".tsv", LogFormat::kCsv},
     {".safetensors", LogFormat::kColumns},
     {".vw", LogFormat::kVw},
     {".dat", LogFormat::kVw},
     {".dsjson", LogFormat::kDsjson},
     {".jsonl", LogFormat::kDsjson},
     {".json", LogFormat::kDsjson}}};

/// The CSV options that are set, by name.
std::vector<std::string> named_columns(const LogConfig& c) {
  std::vector<std::string> names;
  const auto note = [&](const char* name, bool is_set) {
    if (is_set) names.emplace_back(name);
  };
  note("action", c.action.has_value());
  note("reward.column", c.reward.column.has_value());
  note("propensity", c.propensity.has_value());
  note("context", !c.context.empty());
  note("categorical", !c.categorical.empty());
  note("target", c.target.has_value());
  note("position", c.position.has_value());
  note("cluster", c.cluster.has_value());
  note("time", c.time.has_value());
  note("logger", c.logger.has_value());
  note("logger_propensity", c.logger_propensity.has_value());
  note("multiplicity", c.multiplicity.has_value());
  note("delimiter", c.delimiter.has_value());
  return names;
}

void check_logger_propensity(const LogConfig& c, const std::string& section) {
  if (!c.logger_propensity) return;
  const std::string where = section + ".logger_propensity";
  if (std::count(c.logger_propensity->begin(), c.logger_propensity->end(), '*') != 1) {
    throw Error(where, "\"" + *c.logger_propensity + "\" has no place for the logger's name",
                "name the columns by one pattern: p_* for p_old and p_new");
  }
  if (!c.logger) {
    throw Error(where, "there is no column that names the row's logger",
                "set " + section + ".logger");
  }
  if (c.propensity) {
    throw Error(where, "the row's own propensity is among them",
                "leave out " + section + ".propensity");
  }
}

}  // namespace

void LogConfig::describe(config::OptionVisitor& v) {
  v.field(option("files", "The log: one file or several, read one after the other.").path(), files);
  v.field(option("format",
                 "Blank: by the ending: .csv and .tsv; .safetensors (columns); .vw and .dat; "
                 ".dsjson, .jsonl and .json.")
              .one_of({"csv", "columns", "vw", "dsjson"}),
          format);
  v.field(option("delimiter", "Between fields of a CSV file. Blank: what its header has more of.")
              .one_of({"comma", "tab"}),
          delimiter);
  v.field(option("action", "Column of the logged action: a number from 0, or a name."), action);
  v.section("reward", "What came of the action.", [&] {
    v.field(option("column", "Its column."), reward.column);
    v.field(option("sign",
                   "-1 where the log has costs. Blank: -1 for vw and dsjson, which have, "
                   "1 otherwise.")
                .range(-1, 1),
            reward.sign);
  });
  v.field(
      option("propensity", "Column of the probability that the logging policy gave the action."),
      propensity);
  v.field(option("context", "Columns of the context. A * stands for any letters: user_*."),
          context);
  v.field(option("categorical",
                 "Context columns (or patterns) whose numbers are names: one-hot, like text."),
          categorical);
  v.field(
      option("target", "Column of the probability that the policy to be judged gives the action."),
      target);
  v.field(option("position", "Column of the place where the action was shown."), position);
  v.field(
      option("cluster", "Column of what rows share that are not independent: a user, a session."),
      cluster);
  v.field(option("time", "Column of the time: a number, or a date 2019-11-24 00:03:13.44+00:00."),
          time);
  v.field(option("logger", "Column that names the logging policy, where there were several."),
          logger);
  v.field(
      option("logger_propensity",
             "Columns of the probability that each logging policy gives the action, as p_* "
             "where * is its name. Weights are then balanced: over the mixture of the loggers."),
      logger_propensity);
  v.field(option("multiplicity", "Column of how often a row stands for itself."), multiplicity);
  v.field(option("actions", "How many actions there are. Blank: any number from 0 is one.")
              .range(1, 1 << 30),
          actions);
  v.field(
      option("action_names", "File with the names of the actions, one a line, from action 0 on.")
          .path(),
      action_names);
  v.field(option("bad_rows", "A row that cannot be used: stop, or skip and count it.")
              .one_of({"stop", "skip"}),
          bad_rows);
}

LogFormat format_of(const LogConfig& config, const std::filesystem::path& file) {
  for (const auto& [name, format] : kFormats) {
    if (config.format == name) return format;
  }
  for (const auto& [ending, format] : kEndings) {
    if (file.extension() == ending) return format;
  }
  throw Error(file.string(), "the ending does not tell what log this is",
              "set format to csv, columns, vw or dsjson");
}

void LogConfig::check(const std::string& section, bool needs_decision) const {
  if (files.empty()) throw Error(section + ".files", "no log is named");
  if (reward.sign == 0) throw Error(section + ".reward.sign", "must be 1 or -1, not 0");
  bool any_csv = false;
  bool any_columns = false;
  for (const std::string& file : files) {
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(file, ignored)) throw Error(file, "no such file");
    const LogFormat kind = format_of(*this, file);
    any_csv = any_csv || kind == LogFormat::kCsv;
    any_columns = any_columns || kind == LogFormat::kColumns;
  }
  if (any_csv && needs_decision && !action)
    throw Error(section + ".action", "the action's column is not named");
  if (any_csv && needs_decision && !reward.column) {
    throw Error(section + ".reward.column", "the reward's column is not named");
  }
  check_logger_propensity(*this, section);
  const std::vector<std::string> columns = named_columns(*this);
  if (!any_csv && !columns.empty()) {
    throw Error(section + "." + columns.front(), "is for CSV logs; this one has no named columns");
  }
  if (any_columns && files.size() > 1) {
    throw Error(section + ".files", "a columns file is a whole log: it stands alone");
  }
  if (any_columns && (reward.sign || actions || action_names)) {
    throw Error(section, "a columns file has its signs and actions in itself",
                "leave out reward.sign, actions and action_names");
  }
}

}  // namespace loopline::bandit
