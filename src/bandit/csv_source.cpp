#include <algorithm>
#include <optional>
#include <utility>

#include "loopline/core/error.h"
#include "loopline/core/text.h"
#include "row_source.h"
#include "text_file.h"

namespace loopline::bandit {
namespace {

namespace fs = std::filesystem;

/// A record's fields. Those in quotes, as few files have, are copied; the others are views.
class FieldSplitter {
 public:
  void split(std::string_view record, char delimiter) {
    fields_.clear();
    if (record.find('"') != std::string_view::npos) return split_quoted(record, delimiter);
    for (;;) {
      const std::size_t end = record.find(delimiter);
      fields_.push_back(record.substr(0, end));
      if (end == std::string_view::npos) return;
      record.remove_prefix(end + 1);
    }
  }
  const std::vector<std::string_view>& fields() const { return fields_; }

 private:
  void split_quoted(std::string_view record, char delimiter) {
    copy_.clear();
    copy_.reserve(record.size());  // views into it stay
    for (std::size_t i = 0;; ++i) {
      const std::size_t begin = copy_.size();
      bool in_quotes = i < record.size() && record[i] == '"';
      if (in_quotes) ++i;
      for (; i < record.size() && (in_quotes || record[i] != delimiter); ++i) {
        if (!in_quotes || record[i] != '"') {
          copy_ += record[i];
        } else if (i + 1 < record.size() && record[i + 1] == '"') {
          copy_ += record[++i];
        } else {
          in_quotes = false;
        }
      }
      fields_.push_back(std::string_view(copy_).substr(begin));
      if (i >= record.size()) return;
    }
  }

  std::vector<std::string_view> fields_;
  std::string copy_;
};

/// The one of the two that a header has more of.
char detect_delimiter(std::string_view header) {
  std::int64_t tabs = 0;
  std::int64_t commas = 0;
  bool in_quotes = false;
  for (const char c : header) {
    in_quotes = in_quotes != (c == '"');
    tabs += !in_quotes && c == '\t';
    commas += !in_quotes && c == ',';
  }
  return tabs > commas ? '\t' : ',';
}

struct Column {
  std::string name;
  std::optional<std::size_t> place;  ///< nothing: the log does not have it
};

class CsvSource : public RowSource {
 public:
  CsvSource(const fs::path& path, SourceParts parts)
      : parts_(parts),
        file_(path, parts.options.limits.buffer_bytes, parts.options.limits.line_bytes),
        path_(path.string()),
        sign_(reward_sign(parts.config, false)) {
    read_header();
  }

  bool next(Row& row) override {
    std::optional<std::string_view> record;
    do {
      record = file_.record(delimiter_);
      if (!record) return false;
    } while (record->empty());
    splitter_.split(*record, delimiter_);
    if (splitter_.fields().size() != columns_) {
      throw BadRow("has " + std::to_string(splitter_.fields().size()) +
                   " fields, and the header has " + std::to_string(columns_));
    }
    read_row(row);
    return true;
  }
  std::string place() const override { return path_ + ":" + std::to_string(file_.line_number()); }
  std::size_t buffer_bytes() const override { return file_.buffer_bytes(); }

 private:
  void read_header() {
    const LogConfig& c = parts_.config;
    const auto given = [](const std::string& name) { return name == "tab" ? '\t' : ','; };
    const char stated = c.delimiter ? given(*c.delimiter) : '\0';
    const auto header = file_.record(stated);
    if (!header || header->empty()) throw Error(path_, "holds no header");
    delimiter_ = stated != '\0' ? stated : detect_delimiter(*header);
    splitter_.split(*header, delimiter_);
    names_.assign(splitter_.fields().begin(), splitter_.fields().end());
    columns_ = names_.size();
    action_ = find(c.action);
    reward_ = find(c.reward.column);
    propensity_ = find(c.propensity);
    target_ = find(c.target);
    position_ = find(c.position);
    cluster_ = find(c.cluster);
    time_ = find(c.time);
    logger_ = find(c.logger);
    multiplicity_ = find(c.multiplicity);
    if (c.logger_propensity) bind_loggers(*c.logger_propensity);
    if (!propensity_.place && loggers_.empty() && parts_.options.needs_propensity) {
      throw Error("log.propensity", "the propensity's column is not named",
                  "name it, or estimate propensities first with `loopline bandit propensity`");
    }
    features_ = parts_.context.bind(names_, path_ + ":1");
    for (const std::size_t feature : features_) check_unique(names_[feature]);
  }

  /// The columns of a pattern, by the number of the logger that is in their name.
  void bind_loggers(const std::string& pattern) {
    const std::size_t star = pattern.find('*');
    const std::string front = pattern.substr(0, star);
    const std::string back = pattern.substr(star + 1);
    const std::size_t known = parts_.loggers.names().size();  // by the first file
    std::size_t bound = 0;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      const std::string& name = names_[i];
      if (name.size() <= front.size() + back.size() || !name.starts_with(front) ||
          !name.ends_with(back)) {
        continue;
      }
      check_unique(name);
      const std::string logger =
          name.substr(front.size(), name.size() - front.size() - back.size());
      const std::size_t id = logger_of_header(logger);
      loggers_.resize(std::max(loggers_.size(), id + 1));
      loggers_[id] = {name, i};
      ++bound;
    }
    const std::string where = path_ + ":1";
    if (bound == 0) throw Error(where, "no column is called like \"" + pattern + "\"");
    if (known == 0 || (bound == known && known == parts_.loggers.names().size())) return;
    throw Error(where, "has propensities of other loggers than the first file");
  }

  /// What is wrong with a row's logger is an error of the file where the header names it.
  std::size_t logger_of_header(const std::string& name) {
    try {
      return static_cast<std::size_t>(add_logger(parts_.loggers, name));
    } catch (const BadRow& bad) {
      throw Error(path_ + ":1", bad.what());
    }
  }

  void check_unique(const std::string& name) const {
    if (std::count(names_.begin(), names_.end(), name) == 1) return;
    throw Error(path_ + ":1", "two columns are called \"" + name + "\"");
  }

  Column find(const std::optional<std::string>& name) const {
    if (!name) return {};
    const auto found = std::find(names_.begin(), names_.end(), *name);
    if (found != names_.end()) {
      check_unique(*name);
      return {*name, static_cast<std::size_t>(found - names_.begin())};
    }
    std::string todo;
    if (const std::string near = nearest_name(*name, names_); !near.empty()) {
      todo = "did you mean \"" + near + "\"?";
    } else if (columns_ == 1) {
      todo = "fields are separated by commas or tabs";
    }
    throw Error(path_ + ":1", "no column is called \"" + *name + "\"", todo);
  }

  std::string_view text(const Column& column) const { return splitter_.fields()[*column.place]; }
  bool has(const Column& column, Field field, Row& row) const {
    if (!column.place) return false;
    row.fields |= field;
    return true;
  }

  void read_row(Row& row) {
    if (action_.place) row.action = parts_.actions.of(text(action_), action_.name);
    if (reward_.place) row.reward = sign_ * finite_number(text(reward_), reward_.name);
    const auto number = [&](const Column& c) { return finite_number(text(c), c.name); };
    if (has(propensity_, kPropensity, row)) {
      row.propensity = checked_propensity(number(propensity_), propensity_.name);
    }
    if (has(target_, kTarget, row)) row.target = checked_target(number(target_), target_.name);
    if (has(position_, kPosition, row)) {
      row.position =
          checked_position(whole_number(text(position_), position_.name), position_.name);
    }
    if (has(cluster_, kCluster, row)) row.cluster = cluster_of(text(cluster_));
    if (has(time_, kTime, row)) row.time = time_of(text(time_), time_.name);
    if (has(multiplicity_, kMultiplicity, row)) {
      row.multiplicity = checked_multiplicity(number(multiplicity_), multiplicity_.name);
    }
    parts_.context.begin(row.context);
    for (std::size_t i = 0; i < features_.size(); ++i) {
      parts_.context.field(i, splitter_.fields()[features_[i]]);
    }
    if (has(logger_, kLogger, row)) read_logger(row);
  }

  void read_logger(Row& row) const {
    if (loggers_.empty()) {
      row.logger = add_logger(parts_.loggers, text(logger_));
      return;
    }
    row.logger = parts_.loggers.find(text(logger_));
    if (row.logger < 0) {
      throw BadRow(logger_.name,
                   "the logger \"" + BadRow::shortened(text(logger_)) + "\" has no propensities");
    }
    for (const Column& column : loggers_) {
      row.logger_propensity.push_back(
          checked_target(finite_number(text(column), column.name), column.name));
    }
    take_own_propensity(row, loggers_[static_cast<std::size_t>(row.logger)].name);
  }

  SourceParts parts_;
  TextFile file_;
  std::string path_;
  double sign_;
  char delimiter_ = ',';
  std::vector<std::string> names_;
  std::size_t columns_ = 0;
  Column action_, reward_, propensity_, target_, position_, cluster_, time_, logger_, multiplicity_;
  std::vector<Column> loggers_;  // of the propensities of each
  std::vector<std::size_t> features_;
  FieldSplitter splitter_;
};

}  // namespace

std::unique_ptr<RowSource> open_csv(const fs::path& file, SourceParts parts) {
  return std::make_unique<CsvSource>(file, parts);
}

}  // namespace loopline::bandit
