#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "loopline/core/error.h"
#include "loopline/core/text.h"
#include "row_source.h"
#include "text_file.h"

namespace loopline::bandit {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBlanks = " \t";

/// Takes the next word off the front of `text`; empty at its end.
std::string_view take_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  const std::size_t size = std::min(text.find_first_of(kBlanks), text.size());
  const std::string_view word = text.substr(0, size);
  text.remove_prefix(size);
  return word;
}

struct Label {
  std::int64_t action = 0;
  double cost = 0;
  double probability = 0;
};

/// The part of a line before its features.
struct LineHead {
  bool is_shared = false;
  std::optional<Label> label;
  std::string_view features;  ///< from the first | on
};

Label label_of(std::string_view word) {
  std::array<std::string_view, 3> parts;
  std::size_t count = 0;
  for (std::string_view rest = word; count < parts.size(); ++count) {
    const std::size_t end = rest.find(':');
    parts[count] = rest.substr(0, end);
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
    if (count == 2)
      throw BadRow("\"" + BadRow::shortened(word) + "\" is no action:cost:probability");
  }
  if (count < 2) {
    throw BadRow("\"" + BadRow::shortened(word) + "\" is no action:cost:probability; " +
                 (count == 1 ? "the probability is missing" : "only the chosen action is listed"));
  }
  return {whole_number(parts[0], "action"), finite_number(parts[1], "cost"),
          checked_propensity(finite_number(parts[2], "probability"), "probability")};
}

LineHead head_of(std::string_view line) {
  LineHead head;
  const std::size_t bar = std::min(line.find('|'), line.size());
  head.features = line.substr(bar);
  std::string_view text = line.substr(0, bar);
  while (true) {
    const std::string_view word = take_word(text);
    if (word.empty()) return head;
    // A last word that touches the bar, or one behind a quote, is the example's tag.
    const bool touches = text.empty() && bar < line.size();
    if (word.front() == '\'' ||
        (touches && word.find(':') == std::string_view::npos && word != "shared"))
      continue;
    if (word == "shared") {
      head.is_shared = true;
    } else if (head.label) {
      throw BadRow("has more than one label");
    } else {
      head.label = label_of(word);
    }
  }
}

/// Hands the features of a line to a sink.
class FeatureReader {
 public:
  void read(std::string_view text, FeatureSink& sink) {
    while (!text.empty()) {
      text.remove_prefix(1);  // the bar
      const std::size_t size = std::min(text.find('|'), text.size());
      read_namespace(text.substr(0, size), sink);
      text.remove_prefix(size);
    }
  }

 private:
  void read_namespace(std::string_view text, FeatureSink& sink) {
    name_.clear();
    double scale = 1;
    if (!text.empty() && kBlanks.find(text.front()) == std::string_view::npos) {
      const std::string_view word = take_word(text);
      const std::size_t colon = word.find(':');
      name_ = word.substr(0, colon);
      if (colon != std::string_view::npos)
        scale = finite_number(word.substr(colon + 1), "namespace " + name_);
      name_ += '^';
    }
    const std::size_t prefix = name_.size();
    for (std::string_view word = take_word(text); !word.empty(); word = take_word(text)) {
      read_feature(word, prefix, scale, sink);
    }
  }

  void read_feature(std::string_view word, std::size_t prefix, double scale, FeatureSink& sink) {
    name_.resize(prefix);
    const std::size_t colon = word.rfind(':');
    const std::size_t equals = word.find('=');
    if (colon != std::string_view::npos && is_number(word.substr(colon + 1))) {
      name_ += word.substr(0, colon);
      sink.number(name_, scale * finite_number(word.substr(colon + 1), name_));
    } else if (const std::size_t end = std::min(colon, equals); end != std::string_view::npos) {
      name_ += word.substr(0, end);
      sink.category(name_, word.substr(end + 1));
    } else {
      name_ += word;
      sink.number(name_, scale);
    }
  }

  std::string name_;
};

class VwSource : public RowSource {
 public:
  VwSource(const fs::path& path, SourceParts parts)
      : parts_(parts),
        file_(path, parts.options.limits.buffer_bytes, parts.options.limits.line_bytes),
        path_(path.string()),
        sign_(reward_sign(parts.config, true)) {
    detect();
  }

  bool next(Row& row) override {
    if (!read_example()) return false;
    if (has_sets_) {
      read_example_row(row);
    } else {
      read_line_row(row);
    }
    return true;
  }
  std::string place() const override { return path_ + ":" + std::to_string(line_); }
  std::size_t buffer_bytes() const override { return file_.buffer_bytes() + example_.capacity(); }

 private:
  /// Whether examples have several lines, as the first one tells: a line for what is shared, a line
  /// without a label or for action 0, or a blank line behind it.
  void detect() {
    for (int count = 0; count < 2;) {
      const auto line = file_.line();
      if (!line) break;
      ahead_.emplace_back(*line, file_.line_number());
      if (count == 0 && is_blank(*line)) continue;
      ++count;
      const std::string_view start =
          line->substr(std::min(line->find_first_not_of(kBlanks), line->size()));
      has_sets_ = has_sets_ || start.empty() || start.front() == '|' || start.starts_with("0:") ||
                  start.starts_with("shared");
    }
  }

  static bool is_blank(std::string_view line) {
    return line.find_first_not_of(kBlanks) == std::string_view::npos;
  }

  std::optional<std::string_view> line() {
    if (ahead_.empty()) {
      const auto next = file_.line();
      number_ = file_.line_number();
      return next;
    }
    held_ = std::move(ahead_.front().first);
    number_ = ahead_.front().second;
    ahead_.pop_front();
    return held_;
  }

  /// Collects the lines of the next example; false at the end of the file.
  bool read_example() {
    example_.clear();
    lines_.clear();
    for (auto text = line(); text; text = line()) {
      if (is_blank(*text)) {
        if (lines_.empty()) continue;
        break;
      }
      if (lines_.empty()) line_ = number_;
      if (example_.size() + text->size() > parts_.options.limits.line_bytes) {
        throw Error(place(),
                    "an example of more than " +
                        human_bytes(static_cast<double>(parts_.options.limits.line_bytes)),
                    "blank lines stand between examples of several lines");
      }
      lines_.push_back({example_.size(), text->size(), number_});
      example_ += *text;
      if (!has_sets_) break;
    }
    return !lines_.empty();
  }

  std::string_view text_of(std::size_t i) const {
    return std::string_view(example_).substr(lines_[i].begin, lines_[i].size);
  }

  void set_label(Row& row, const Label& label) {
    row.fields |= kPropensity;
    row.reward = sign_ * label.cost;
    row.propensity = label.probability;
  }

  void read_line_row(Row& row) {
    const LineHead head = head_of(text_of(0));
    if (!head.label) throw BadRow("has no label action:cost:probability");
    // Numbered from 1 there.
    if (head.label->action < 1)
      throw BadRow("the action " + std::to_string(head.label->action) +
                   " is not known: they are numbered from 1");
    row.action = parts_.actions.checked(head.label->action - 1, "action");
    set_label(row, *head.label);
    parts_.context.begin(row.context);
    features_.read(head.features, parts_.context);
  }

  void read_example_row(Row& row) {
    std::vector<std::string_view> actions;
    std::optional<std::string_view> shared;
    std::optional<Label> label;
    const std::int64_t first = line_;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      line_ = lines_[i].number;
      const LineHead head = head_of(text_of(i));
      if (head.is_shared) {
        if (i > 0) throw BadRow("a shared line is not the first of its example");
        shared = head.features;
        continue;
      }
      if (head.label) {
        if (label) throw BadRow("a second action of the example has a label");
        label = head.label;
        row.action = static_cast<std::int64_t>(actions.size());
      }
      actions.push_back(head.features);
    }
    line_ = first;
    if (!label) throw BadRow("no action of the example has a label action:cost:probability");
    parts_.actions.checked(static_cast<std::int64_t>(actions.size()) - 1, "action");
    set_label(row, *label);
    row.fields |= kSet;
    row.set_size = actions.size();
    check_set_size(actions.size(), parts_.action_features);
    parts_.context.begin(row.context);
    if (shared) features_.read(*shared, parts_.context);
    for (std::size_t i = 0; i < actions.size(); ++i) {
      line_ = lines_[i + (shared ? 1 : 0)].number;
      parts_.action.begin(row.set_feature);
      features_.read(actions[i], parts_.action);
    }
    line_ = first;
  }

  struct Line {
    std::size_t begin, size;
    std::int64_t number;
  };

  SourceParts parts_;
  TextFile file_;
  std::string path_;
  double sign_;
  bool has_sets_ = false;
  std::deque<std::pair<std::string, std::int64_t>> ahead_;
  std::string held_;
  std::int64_t number_ = 0;  // of the line read last
  std::string example_;
  std::vector<Line> lines_;
  std::int64_t line_ = 0;  // that messages are about
  FeatureReader features_;
};

}  // namespace

std::unique_ptr<RowSource> open_vw(const fs::path& file, SourceParts parts) {
  return std::make_unique<VwSource>(file, parts);
}

}  // namespace loopline::bandit
