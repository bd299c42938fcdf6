#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "loopline/core/error.h"
#include "loopline/io/json.h"
#include "row_source.h"
#include "text_file.h"

namespace loopline::bandit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr double kLargestInteger = 9007199254740992.0;  // 2^53

double number_of(const json& value, const std::string& name) {
  if (!value.is_number()) throw BadRow(name, "is no number");
  return checked_finite(value.get<double>(), name);
}

std::int64_t integer_of(const json& value, const std::string& name) {
  const double number = number_of(value, name);
  if (number != std::floor(number) || std::abs(number) > kLargestInteger) {
    throw BadRow(name, "is no whole number");
  }
  return static_cast<std::int64_t>(number);
}

const json& member(const json& object, const std::string& name) {
  const auto found = object.find(name);
  if (found == object.end()) throw BadRow(name, "is missing");
  return *found;
}

/// Hands the features of an object to a sink: "namespace^name".
class ObjectReader {
 public:
  void read(const json& object, FeatureSink& sink) {
    name_.clear();
    read_members(object, sink);
  }

 private:
  void read_members(const json& object, FeatureSink& sink) {
    const std::size_t prefix = name_.size();
    for (const auto& item : object.items()) {
      name_.resize(prefix);
      // Names that begin so are not features, but for text, whose words are.
      if (item.key() == "_text" && item.value().is_string()) {
        name_ += item.key();
        read_words(item.value().get_ref<const std::string&>(), sink);
      } else if (!item.key().starts_with('_')) {
        name_ += item.key();
        read_value(item.value(), sink);
      }
    }
    name_.resize(prefix);
  }

  void read_value(const json& value, FeatureSink& sink) {
    if (value.is_object()) {
      name_ += '^';
      read_members(value, sink);
    } else if (value.is_array()) {
      read_list(value, sink);
    } else if (value.is_string()) {
      sink.category(name_, value.get_ref<const std::string&>());
    } else if (value.is_number()) {
      sink.number(name_, value.get<double>());
    } else if (value == true) {
      sink.number(name_, 1);
    }
  }

  /// Numbers are known by their place; objects add up.
  void read_list(const json& list, FeatureSink& sink) {
    const std::size_t prefix = name_.size();
    for (std::size_t i = 0; i < list.size(); ++i) {
      name_.resize(prefix);
      if (!list[i].is_object()) name_ += '^' + std::to_string(i);
      read_value(list[i], sink);
    }
  }

  void read_words(std::string_view text, FeatureSink& sink) {
    while (true) {
      text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
      if (text.empty()) return;
      const std::size_t size = std::min(text.find_first_of(" \t\r\n"), text.size());
      sink.category(name_, text.substr(0, size));
      text.remove_prefix(size);
    }
  }

  std::string name_;
};

class DsjsonSource : public RowSource {
 public:
  DsjsonSource(const fs::path& path, SourceParts parts)
      : parts_(parts),
        file_(path, parts.options.limits.buffer_bytes, parts.options.limits.line_bytes),
        path_(path.string()),
        sign_(reward_sign(parts.config, true)) {}

  bool next(Row& row) override {
    while (const auto line = file_.line()) {
      if (line->find_first_not_of(" \t") == std::string_view::npos) continue;
      if (read_row(parse(*line), row)) return true;
    }
    return false;
  }
  std::string place() const override { return path_ + ":" + std::to_string(file_.line_number()); }
  std::size_t buffer_bytes() const override { return file_.buffer_bytes(); }

 private:
  static json parse(std::string_view line) {
    try {
      json value = io::parse_json(line, "");
      if (!value.is_object()) throw BadRow("is no JSON object");
      return value;
    } catch (const Error& e) {
      throw BadRow(e.what());
    }
  }

  /// False for a row that is not to be learned from.
  bool read_row(const json& line, Row& row) {
    if (const auto skip = line.find("_skipLearn"); skip != line.end() && *skip == true)
      return false;
    const json& context = member(line, "c");
    if (!context.is_object()) throw BadRow("c", "is no object");
    if (context.contains("_slots") || line.contains("_outcomes")) {
      throw BadRow("has several slots: only rows with one action can be used");
    }
    const json& actions = member(context, "_multi");
    if (!actions.is_array() || actions.empty()) throw BadRow("_multi", "is no list of actions");
    row.reward = sign_ * number_of(member(line, "_label_cost"), "_label_cost");
    const std::string name = "_label_probability";
    row.propensity = checked_propensity(number_of(member(line, name), name), name);
    row.action = action_of(line, actions.size());
    parts_.actions.checked(static_cast<std::int64_t>(actions.size()) - 1, "_multi");
    if (const auto drop = line.find("pdrop"); drop != line.end()) {
      row.multiplicity = checked_multiplicity(1 / (1 - number_of(*drop, "pdrop")), "pdrop");
    }
    row.fields |= kPropensity | kMultiplicity | kSet;
    row.set_size = actions.size();
    read_probabilities(line, row);
    check_set_size(actions.size(), parts_.action_features);
    parts_.context.begin(row.context);
    features_.read(context, parts_.context);
    for (const json& action : actions) {
      if (!action.is_object()) throw BadRow("_multi", "holds an action that is no object");
      parts_.action.begin(row.set_feature);
      features_.read(action, parts_.action);
    }
    return true;
  }

  static std::int64_t action_of(const json& line, std::size_t actions) {
    const auto index = line.find("_labelIndex");
    const auto number = line.find("_label_Action");
    std::int64_t action = 0;
    if (index != line.end()) {
      action = integer_of(*index, "_labelIndex");
    } else if (number != line.end()) {
      action = integer_of(*number, "_label_Action") - 1;
    } else {
      throw BadRow("_labelIndex", "is missing");
    }
    if (action < 0 || action >= static_cast<std::int64_t>(actions)) {
      throw BadRow("the action " + std::to_string(action) + " is not known: _multi has " +
                   std::to_string(actions));
    }
    if (number != line.end() && integer_of(*number, "_label_Action") != action + 1) {
      throw BadRow("_label_Action", "is not one more than _labelIndex");
    }
    return action;
  }

  /// `p` are the probabilities of the actions `a`, which are numbered from 1.
  void read_probabilities(const json& line, Row& row) {
    const auto p = line.find("p");
    const auto a = line.find("a");
    if (p == line.end() || a == line.end()) return;
    if (!p->is_array() || !a->is_array() || p->size() != a->size()) {
      throw BadRow("p", "is no list as long as a");
    }
    row.fields |= kSetProbability;
    row.set_probability.assign(row.set_size, 0);
    std::vector<bool> is_given(row.set_size);
    for (std::size_t i = 0; i < p->size(); ++i) {
      const std::int64_t action = integer_of((*a)[i], "a") - 1;
      if (action < 0 || action >= static_cast<std::int64_t>(row.set_size)) {
        throw BadRow("a", "names an action that _multi does not have");
      }
      const auto place = static_cast<std::size_t>(action);
      if (is_given[place]) throw BadRow("a", "names an action twice");
      is_given[place] = true;
      row.set_probability[place] = checked_target(number_of((*p)[i], "p"), "p");
    }
  }

  SourceParts parts_;
  TextFile file_;
  std::string path_;
  double sign_;
  ObjectReader features_;
};

}  // namespace

std::unique_ptr<RowSource> open_dsjson(const fs::path& file, SourceParts parts) {
  return std::make_unique<DsjsonSource>(file, parts);
}

}  // namespace loopline::bandit
