#include "loopline/config/read_options.h"

#include <algorithm>

#include "loopline/core/error.h"
#include "loopline/core/text.h"
#include "option_values.h"

namespace loopline::config {
namespace {

// Reads a tree into the described fields. Unknown keys and missing options are reported when the
// whole description has been seen, unknown keys first: a misspelt required option is both, and its
// misspelling is the better news.
class OptionReader : public OptionVisitor {
 public:
  explicit OptionReader(const ConfigTree& tree) : sections_{{&tree, "", {}}} {
    check_map(tree, "");
  }

  void finish() {
    LOOPLINE_CHECK(sections_.size() == 1, "a section was left open");
    end_of(sections_.back());
    if (unknown_) throw_unknown();
    if (missing_) throw *missing_;
  }

  void field(const OptionInfo& info, bool& value) override { one(info, value); }
  void field(const OptionInfo& info, std::int64_t& value) override { one(info, value); }
  void field(const OptionInfo& info, double& value) override { one(info, value); }
  void field(const OptionInfo& info, std::string& value) override { one(info, value); }
  void field(const OptionInfo& info, std::vector<std::string>& value) override {
    many(info, value, OptionType::kTextList);
  }
  void field(const OptionInfo& info, std::vector<std::int64_t>& value) override {
    many(info, value, OptionType::kIntegerList);
  }
  void field(const OptionInfo& info, std::vector<double>& value) override {
    many(info, value, OptionType::kNumberList);
  }
  void field(const OptionInfo& info, std::optional<bool>& value) override { maybe(info, value); }
  void field(const OptionInfo& info, std::optional<std::int64_t>& value) override {
    maybe(info, value);
  }
  void field(const OptionInfo& info, std::optional<double>& value) override { maybe(info, value); }
  void field(const OptionInfo& info, std::optional<std::string>& value) override {
    maybe(info, value);
  }

 protected:
  void begin_section(const std::string& name, const std::string&) override {
    const ConfigTree* tree = find(name);
    const std::string path = path_of(name);
    if (tree != nullptr) check_map(*tree, path);
    sections_.push_back({tree, path, {}});
  }
  void end_section() override {
    end_of(sections_.back());
    sections_.pop_back();
  }

 private:
  struct Section {
    const ConfigTree* tree;  // nullptr when the file does not have it
    std::string path;
    std::vector<std::string> names;
  };
  struct UnknownKey {
    std::string place, section, key;
    std::vector<std::string> siblings;
  };

  static void check_map(const ConfigTree& tree, const std::string& path) {
    if (tree.kind == ConfigTree::Kind::kMap || tree.kind == ConfigTree::Kind::kNull) return;
    throw Error(tree.place, (path.empty() ? "the file" : path) +
                                " must be a section of options, found " + found_text(tree));
  }

  std::string path_of(const std::string& name) const {
    const std::string& section = sections_.back().path;
    return section.empty() ? name : section + "." + name;
  }

  // The value of an option of the open section; notes that the name is known.
  const ConfigTree* find(const std::string& name) {
    Section& section = sections_.back();
    section.names.push_back(name);
    known_.push_back(path_of(name));
    return section.tree == nullptr ? nullptr : section.tree->find(name);
  }

  // As above; a required option that is absent is remembered.
  const ConfigTree* find(const OptionInfo& info) {
    const ConfigTree* tree = find(info.name);
    if (tree == nullptr && info.required && !missing_) {
      std::string place;
      for (const Section& section : sections_) {
        if (section.tree != nullptr) place = section.tree->place;
      }
      missing_ = Error(place, path_of(info.name) + " is missing", info.help);
    }
    return tree;
  }

  template <class Value>
  void one(const OptionInfo& info, Value& value) {
    if (const ConfigTree* tree = find(info)) read_value(*tree, path_of(info.name), info, value);
  }

  template <class Value>
  void maybe(const OptionInfo& info, std::optional<Value>& value) {
    const ConfigTree* tree = find(info);
    if (tree == nullptr) return;
    value.reset();
    if (tree->kind == ConfigTree::Kind::kNull) return;
    read_value(*tree, path_of(info.name), info, value.emplace());
  }

  template <class Value>
  void many(const OptionInfo& info, std::vector<Value>& values, OptionType type) {
    const ConfigTree* tree = find(info);
    if (tree == nullptr) return;
    const std::string path = path_of(info.name);
    values.clear();
    if (tree->kind == ConfigTree::Kind::kScalar) {  // a list of one
      read_value(*tree, path, info, values.emplace_back());
      return;
    }
    if (tree->kind != ConfigTree::Kind::kList) throw_wrong_type(*tree, path, type, info);
    for (const ConfigTree& item : tree->list) {
      const std::string item_path = path + "[" + std::to_string(values.size()) + "]";
      read_value(item, item_path, info, values.emplace_back());
    }
  }

  void end_of(const Section& section) {
    if (section.tree == nullptr || unknown_) return;
    for (const auto& [key, value] : section.tree->map) {
      if (std::find(section.names.begin(), section.names.end(), key) == section.names.end()) {
        unknown_ = {value.place, section.path, key, section.names};
        return;
      }
    }
  }

  [[noreturn]] void throw_unknown() const {
    const UnknownKey& first = *unknown_;
    const std::string prefix = first.section.empty() ? "" : first.section + ".";
    std::string nearest = nearest_name(first.key, first.siblings);
    if (!nearest.empty()) {
      nearest = prefix + nearest;
    } else {  // perhaps it stands in the wrong section
      for (const std::string& path : known_) {
        if (path.ends_with("." + first.key) || path == first.key) nearest = path;
      }
    }
    throw Error(first.place, "unknown option '" + prefix + first.key + "'",
                nearest.empty() ? "known here: " + join(first.siblings)
                                : "did you mean '" + nearest + "'?");
  }

  std::vector<Section> sections_;
  std::vector<std::string> known_;
  std::optional<UnknownKey> unknown_;  // the first one
  std::optional<Error> missing_;
};

}  // namespace

void read_options(const ConfigTree& tree, const Describe& describe) {
  OptionReader reader(tree);
  describe(reader);
  reader.finish();
}

}  // namespace loopline::config
