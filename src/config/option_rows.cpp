#include "option_rows.h"

#include <set>

#include "loopline/core/error.h"
#include "loopline/core/text.h"

namespace loopline::config {
namespace {

class RowCollector : public OptionVisitor {
 public:
  std::vector<OptionRow> take() { return std::move(rows_); }

  void field(const OptionInfo& info, bool& value) override { one(info, OptionType::kBool, value); }
  void field(const OptionInfo& info, std::int64_t& value) override {
    one(info, OptionType::kInteger, value);
  }
  void field(const OptionInfo& info, double& value) override {
    one(info, OptionType::kNumber, value);
  }
  void field(const OptionInfo& info, std::string& value) override {
    one(info, OptionType::kText, value);
  }
  void field(const OptionInfo& info, std::vector<std::string>& value) override {
    many(info, OptionType::kTextList, value);
  }
  void field(const OptionInfo& info, std::vector<std::int64_t>& value) override {
    many(info, OptionType::kIntegerList, value);
  }
  void field(const OptionInfo& info, std::vector<double>& value) override {
    many(info, OptionType::kNumberList, value);
  }
  void field(const OptionInfo& info, std::optional<bool>& value) override {
    maybe(info, OptionType::kBool, value);
  }
  void field(const OptionInfo& info, std::optional<std::int64_t>& value) override {
    maybe(info, OptionType::kInteger, value);
  }
  void field(const OptionInfo& info, std::optional<double>& value) override {
    maybe(info, OptionType::kNumber, value);
  }
  void field(const OptionInfo& info, std::optional<std::string>& value) override {
    maybe(info, OptionType::kText, value);
  }

 protected:
  void begin_section(const std::string& name, const std::string& help) override {
    OptionRow& row = add(option(name, help), OptionType::kText);
    row.is_section = true;
    sections_.push_back(row.path);
  }
  void end_section() override { sections_.pop_back(); }

 private:
  OptionRow& add(const OptionInfo& info, OptionType type) {
    OptionRow row;
    row.section = sections_.empty() ? "" : sections_.back();
    row.path = sections_.empty() ? info.name : row.section + "." + info.name;
    row.depth = sections_.size();
    row.info = info;
    row.type = type;
    LOOPLINE_CHECK(paths_.insert(row.path).second, "option " + row.path + " is described twice");
    rows_.push_back(std::move(row));
    return rows_.back();
  }

  template <class Value>
  void one(const OptionInfo& info, OptionType type, const Value& value) {
    add(info, type).value = yaml_text(value);
  }

  template <class Value>
  void maybe(const OptionInfo& info, OptionType type, const std::optional<Value>& value) {
    add(info, type).value = value ? yaml_text(*value) : "null";
  }

  template <class Value>
  void many(const OptionInfo& info, OptionType type, const std::vector<Value>& values) {
    OptionRow& row = add(info, type);
    for (const Value& value : values) row.items.push_back(yaml_text(value));
    row.value.append("[").append(join(row.items)).append("]");
  }

  std::vector<OptionRow> rows_;
  std::vector<std::string> sections_;
  std::set<std::string> paths_;
};

}  // namespace

std::vector<OptionRow> option_rows(const Describe& describe) {
  RowCollector collector;
  describe(collector);
  return collector.take();
}

}  // namespace loopline::config
