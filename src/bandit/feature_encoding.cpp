#include "loopline/bandit/feature_encoding.h"

#include <utility>

#include "loopline/core/error.h"

namespace loopline::bandit {
namespace {

using nlohmann::json;

const json& encoding_member(const json& object, const char* name, const std::string& where) {
  if (!object.is_object()) throw Error(where, "an encoding is no JSON object");
  const auto found = object.find(name);
  if (found == object.end()) throw Error(where, std::string("an encoding lacks ") + name);
  return *found;
}

const std::string& encoding_text(const json& value, const char* name, const std::string& where) {
  if (!value.is_string()) throw Error(where, std::string(name) + " of an encoding is no text");
  return value.get_ref<const std::string&>();
}

FeatureColumn encoding_column(const json& object, const std::string& where) {
  FeatureColumn column;
  column.name = encoding_text(encoding_member(object, "name", where), "name", where);
  const std::string& kind = encoding_text(encoding_member(object, "kind", where), "kind", where);
  column.categorical = kind == "categorical";
  if (!column.categorical && kind != "numeric") {
    throw Error(where, "kind \"" + kind + "\" of an encoding is neither numeric nor categorical");
  }
  if (object.size() != (column.categorical ? 3U : 2U)) {
    throw Error(where, "column \"" + column.name + "\" of an encoding has unknown fields");
  }
  if (!column.categorical) return column;
  const json& categories = encoding_member(object, "categories", where);
  if (!categories.is_array()) throw Error(where, "categories of an encoding are no list");
  for (const json& category : categories) {
    column.categories.push_back(encoding_text(category, "a category", where));
  }
  return column;
}

}  // namespace

FeatureEncoding::FeatureEncoding(std::vector<FeatureColumn> columns, const std::string& where)
    : columns_(std::move(columns)), categories_(columns_.size()) {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const FeatureColumn& column = columns_[i];
    Index& index = column.categorical ? categorical_ : numeric_;
    if (!index.try_emplace(column.name, i).second) {
      throw Error(where, "the column \"" + column.name + "\" is there twice");
    }
    for (const std::string& category : column.categories) {
      if (!categories_[i].try_emplace(category, categories_[i].size()).second) {
        throw Error(where, "column \"" + column.name + "\" has \"" + category + "\" twice");
      }
    }
    first_.push_back(width_);
    width_ += column.categorical ? column.categories.size() + 1 : 1;
    if (width_ > kMostFeatures) {
      throw Error(where, "more than " + std::to_string(kMostFeatures) + " features",
                  "is \"" + column.name + "\" a name of each row? Leave it out of the context");
    }
  }
}

std::vector<std::string> FeatureEncoding::names() const {
  std::vector<std::string> names;
  for (const FeatureColumn& column : columns_) {
    for (const std::string& category : column.categories) {
      names.push_back(column.name + "=" + category);
    }
    names.push_back(column.categorical ? column.name + " (unseen)" : column.name);
  }
  return names;
}

std::optional<std::size_t> FeatureEncoding::find(std::string_view name, bool categorical) const {
  const Index& index = categorical ? categorical_ : numeric_;
  const auto found = index.find(name);
  if (found == index.end()) return std::nullopt;
  return found->second;
}

std::size_t FeatureEncoding::place(std::size_t column, std::string_view value) const {
  const Index& categories = categories_[column];
  const auto found = categories.find(value);
  return first_[column] + (found == categories.end() ? categories.size() : found->second);
}

json FeatureEncoding::to_json() const {
  json list = json::array();
  for (const FeatureColumn& column : columns_) {
    json object = {{"name", column.name}, {"kind", column.categorical ? "categorical" : "numeric"}};
    if (column.categorical) object["categories"] = column.categories;
    list.push_back(std::move(object));
  }
  return list;
}

FeatureEncoding FeatureEncoding::from_json(const json& list, const std::string& where) {
  if (!list.is_array()) throw Error(where, "an encoding is no list of columns");
  std::vector<FeatureColumn> columns;
  for (const json& object : list) columns.push_back(encoding_column(object, where));
  return FeatureEncoding(std::move(columns), where);
}

json LogEncoding::to_json() const {
  return {{"context", context.to_json()}, {"action", action.to_json()}};
}

LogEncoding LogEncoding::from_json(const json& object, const std::string& where) {
  LogEncoding encoding;
  encoding.context = FeatureEncoding::from_json(encoding_member(object, "context", where), where);
  encoding.action = FeatureEncoding::from_json(encoding_member(object, "action", where), where);
  return encoding;
}

}  // namespace loopline::bandit
