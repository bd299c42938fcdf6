#pragma once

#include <cstddef>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace loopline::bandit {

/// Numbers that one row or action may be encoded as. Encodings are dense.
constexpr std::size_t kMostFeatures = 16384;
/// Bytes of a category.
constexpr std::size_t kLongestCategory = 1000;

/// One column of a log. Names are unique among the numeric and among the categorical ones.
struct FeatureColumn {
  std::string name;
  bool categorical = false;
  std::vector<std::string> categories;  ///< distinct; in the order in which they were met

  bool operator==(const FeatureColumn&) const = default;
};

/// How named values become numbers: a numeric column is one number, as it is; a categorical one is
/// a number a category, 1 for the row's and 0 for the others, and a last one, "unseen", for values
/// that were not there when the encoding was learned.
class FeatureEncoding {
 public:
  FeatureEncoding() = default;
  /// `where` begins the Errors about columns or categories given twice and too many numbers.
  explicit FeatureEncoding(std::vector<FeatureColumn> columns,
                           const std::string& where = "encoding");

  const std::vector<FeatureColumn>& columns() const { return columns_; }
  std::size_t width() const { return width_; }                            ///< numbers in all
  std::size_t first(std::size_t column) const { return first_[column]; }  ///< its first number
  std::vector<std::string> names() const;  ///< of each number: "age", "city=Rome", "city (unseen)"

  /// Index of a column.
  std::optional<std::size_t> find(std::string_view name, bool categorical) const;
  /// The number that is 1 for this value of a categorical column.
  std::size_t place(std::size_t column, std::string_view value) const;

  nlohmann::json to_json() const;
  /// The other way; whatever is wrong is an Error at `where`.
  static FeatureEncoding from_json(const nlohmann::json& json, const std::string& where);

  bool operator==(const FeatureEncoding& other) const { return columns_ == other.columns_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  using Index = std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>>;

  std::vector<FeatureColumn> columns_;
  std::vector<std::size_t> first_;
  std::size_t width_ = 0;
  Index numeric_, categorical_;
  std::vector<Index> categories_;  ///< of each column
};

/// What a log's rows are encoded with: their context, and the actions of sets that vary by row.
struct LogEncoding {
  FeatureEncoding context, action;

  bool empty() const { return context.columns().empty() && action.columns().empty(); }
  nlohmann::json to_json() const;
  static LogEncoding from_json(const nlohmann::json& json, const std::string& where);
  bool operator==(const LogEncoding&) const = default;
};

}  // namespace loopline::bandit
