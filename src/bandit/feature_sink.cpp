#include "feature_sink.h"

#include <algorithm>
#include <set>

#include "loopline/core/error.h"
#include "loopline/core/text.h"

namespace loopline::bandit {
namespace {

void check_name(std::string_view text, std::string_view column) {
  if (text.size() > kLongestCategory) {
    throw BadRow(column, "a text of more than " + std::to_string(kLongestCategory) +
                             " bytes is no category");
  }
  if (!is_utf8(text)) throw BadRow(column, "the text is not valid UTF-8");
}

bool matches_any(const std::vector<std::string>& patterns, const std::string& name) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return pattern == name || matches_pattern(pattern, name);
  });
}

/// Columns of the context, in the order of the patterns, each once.
std::vector<std::size_t> chosen(const std::vector<std::string>& patterns,
                                const std::vector<std::string>& header, const std::string& where) {
  std::vector<std::size_t> columns;
  std::set<std::size_t> taken;
  for (const std::string& pattern : patterns) {
    bool found = false;
    for (std::size_t i = 0; i < header.size(); ++i) {
      if (!matches_any({pattern}, header[i])) continue;
      found = true;
      if (taken.insert(i).second) columns.push_back(i);
    }
    if (found) continue;
    const std::string near = nearest_name(pattern, header);
    throw Error(where, "no column is called \"" + pattern + "\"",
                near.empty() ? "" : "did you mean \"" + near + "\"?");
  }
  return columns;
}

/// Where in a header the columns of an encoding are.
template <class Columns>
std::vector<std::size_t> find_all(const Columns& columns, const std::vector<std::string>& header,
                                  const std::string& where) {
  std::vector<std::size_t> places;
  for (const auto& column : columns) {
    const auto found = std::find(header.begin(), header.end(), column.name);
    if (found == header.end()) {
      throw Error(where, "no column is called \"" + column.name + "\", which the encoding has");
    }
    places.push_back(static_cast<std::size_t>(found - header.begin()));
  }
  return places;
}

[[noreturn]] void too_many(const std::string& column) {
  throw Error("context", "more than " + std::to_string(kMostFeatures) + " features",
              "is \"" + column + "\" a name of each row? Leave it out");
}

}  // namespace

std::vector<std::size_t> FeatureEncoder::bind(const std::vector<std::string>& header,
                                              const std::string& where) {
  return find_all(encoding_.columns(), header, where);
}

void FeatureEncoder::begin(std::vector<double>& numbers) {
  const std::size_t size = numbers.size();
  numbers.resize(size + encoding_.width());
  item_ = numbers.data() + size;
}

void FeatureEncoder::field(std::size_t bound, std::string_view text) {
  const FeatureColumn& column = encoding_.columns()[bound];
  if (column.categorical) {
    item_[encoding_.place(bound, text)] = 1;
  } else {
    item_[encoding_.first(bound)] = finite_number(text, column.name);
  }
}

void FeatureEncoder::number(std::string_view name, double value) {
  const auto column = encoding_.find(name, false);
  if (!column) return;
  double& sum = item_[encoding_.first(*column)];
  sum = checked_finite(sum + value, encoding_.columns()[*column].name);
}

void FeatureEncoder::category(std::string_view name, std::string_view value) {
  if (const auto column = encoding_.find(name, true)) item_[encoding_.place(*column, value)] = 1;
}

std::vector<std::size_t> FeatureLearner::bind(const std::vector<std::string>& header,
                                              const std::string& where) {
  std::vector<std::string> names;
  for (const Column& column : columns_) names.push_back(column.name);
  std::vector<std::size_t> bound =
      chosen(columns_.empty() ? config_.context : names, header, where);
  if (!columns_.empty()) return bound;
  for (const std::size_t column : bound) {
    if (!is_utf8(header[column])) {  // an encoding is kept as JSON
      throw Error(where,
                  "the name of column " + std::to_string(column + 1) + " is not valid UTF-8");
    }
    const bool is_categorical = matches_any(config_.categorical, header[column]);
    columns_.push_back({header[column], is_categorical, is_categorical, false, {}});
  }
  for (const std::string& pattern : config_.categorical) {
    const bool is_used = std::any_of(columns_.begin(), columns_.end(), [&](const Column& column) {
      return matches_any({pattern}, column.name);
    });
    if (!is_used) throw Error(where, "categorical: no context column is called " + pattern);
  }
  return bound;
}

void FeatureLearner::add(Column& column, std::string_view text) {
  if (column.texts.find(text) >= 0) return;
  check_name(text, column.name);
  if (column.is_categorical && ++features_ > kMostFeatures) too_many(column.name);
  column.texts.add(text);
}

void FeatureLearner::field(std::size_t bound, std::string_view text) {
  Column& column = columns_[bound];
  if (column.is_categorical) return add(column, text);
  if (text.empty()) {
    column.has_empty = true;
  } else if (is_number(text)) {
    finite_number(text, column.name);
    if (column.is_settled) return;
    add(column, text);
    column.is_settled = column.texts.names().size() >= kNumbersThatSettle;
    if (column.is_settled) column.texts = {};
  } else {
    if (column.is_settled) finite_number(text, column.name);  // which it is not
    column.is_categorical = column.is_settled = true;
    features_ += column.texts.names().size();
    if (column.has_empty) add(column, "");
    add(column, text);
  }
}

FeatureLearner::Column& FeatureLearner::named(NameTable& names, std::vector<std::size_t>& columns,
                                              std::string_view name, bool categorical) {
  const std::int64_t known = names.find(name);
  if (known >= 0) return columns_[columns[static_cast<std::size_t>(known)]];
  check_name(name, "");
  if (++features_ > kMostFeatures) too_many(std::string(name));
  names.add(name);
  columns.push_back(columns_.size());
  columns_.push_back({std::string(name), categorical, true, false, {}});
  return columns_.back();
}

void FeatureLearner::number(std::string_view name, double value) {
  checked_finite(value, BadRow::shortened(name));
  named(numbers_, number_columns_, name, false);
}

void FeatureLearner::category(std::string_view name, std::string_view value) {
  add(named(categories_, category_columns_, name, true), value);
}

FeatureEncoding FeatureLearner::encoding(const std::string& where) const {
  std::vector<FeatureColumn> columns;
  for (const Column& column : columns_) {
    FeatureColumn made{column.name, column.is_categorical, {}};
    if (column.is_categorical) made.categories = column.texts.names();
    columns.push_back(std::move(made));
  }
  return FeatureEncoding(std::move(columns), where);
}

}  // namespace loopline::bandit
