#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "loopline/bandit/feature_encoding.h"
#include "loopline/bandit/log_config.h"
#include "row_values.h"

namespace loopline::bandit {

/// Where the readers of the formats put features. One sink encodes them, another learns the
/// encoding. What cannot be a feature is a BadRow.
class FeatureSink {
 public:
  virtual ~FeatureSink() = default;

  /// Fields of a file with named columns, as their numbers in the header, in the order of `field`'s
  /// first argument. A name that is not there is an Error at `where`.
  virtual std::vector<std::size_t> bind(const std::vector<std::string>& header,
                                        const std::string& where) = 0;
  /// Begins an item, a row's context or an action: its numbers are appended to `numbers`.
  virtual void begin(std::vector<double>& numbers) = 0;
  /// The text of a bound field.
  virtual void field(std::size_t bound, std::string_view text) = 0;
  /// A named number, for formats in which a row names its features. Equal names add up.
  virtual void number(std::string_view name, double value) = 0;
  /// A named category; a row may have several of one name.
  virtual void category(std::string_view name, std::string_view value) = 0;
};

class FeatureEncoder : public FeatureSink {
 public:
  /// `encoding` must live as long.
  explicit FeatureEncoder(const FeatureEncoding& encoding) : encoding_(encoding) {}

  std::vector<std::size_t> bind(const std::vector<std::string>& header,
                                const std::string& where) override;
  void begin(std::vector<double>& numbers) override;
  void field(std::size_t bound, std::string_view text) override;
  void number(std::string_view name, double value) override;
  void category(std::string_view name, std::string_view value) override;

 private:
  const FeatureEncoding& encoding_;
  double* item_ = nullptr;  // valid until something is appended to the numbers again
};

/// Named columns begin as numeric ones. The first text that is no number makes a column
/// categorical, unless it has shown kNumbersThatSettle different numbers by then: such a text is a
/// BadRow.
class FeatureLearner : public FeatureSink {
 public:
  static constexpr std::size_t kNumbersThatSettle = 1000;

  /// `config.context` and `config.categorical` choose among named columns; it must live as long.
  explicit FeatureLearner(const LogConfig& config) : config_(config) {}

  std::vector<std::size_t> bind(const std::vector<std::string>& header,
                                const std::string& where) override;
  void begin(std::vector<double>&) override {}
  void field(std::size_t bound, std::string_view text) override;
  void number(std::string_view name, double value) override;
  void category(std::string_view name, std::string_view value) override;

  FeatureEncoding encoding(const std::string& where) const;

 private:
  struct Column {
    std::string name;
    bool is_categorical = false;
    bool is_settled = false;  // as it is now
    bool has_empty = false;   // texts before it was settled
    NameTable texts;
  };
  Column& named(NameTable& names, std::vector<std::size_t>& columns, std::string_view name,
                bool categorical);
  void add(Column& column, std::string_view text);

  const LogConfig& config_;
  std::vector<Column> columns_;
  NameTable numbers_, categories_;  // names of columns, and which columns they are
  std::vector<std::size_t> number_columns_, category_columns_;
  std::size_t features_ = 0;
};

}  // namespace loopline::bandit
