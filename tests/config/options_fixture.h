#pragma once

#include "loopline/config/read_options.h"

namespace loopline::config {

/// A described struct with an option of every type.
struct Sample {
  bool flag = true;
  std::int64_t count = 3;
  double rate = 0.1;
  double cap = std::numeric_limits<double>::infinity();
  std::string kind = "ppo";
  std::string text = "plain";
  std::string file;
  std::vector<std::string> names = {"a", "b c"};
  std::vector<std::int64_t> steps = {1, 2};
  std::vector<double> weights = {0.5, 1e-5};
  std::optional<bool> maybe_flag;
  std::optional<std::int64_t> maybe_count;
  std::optional<double> maybe_rate;
  std::optional<std::string> maybe_text;
  double deep = 1;

  void describe(OptionVisitor& v) {
    v.field(option("flag", "A switch."), flag);
    v.field(option("count", "How many.").range(1, 10), count);
    v.section("optimizer", "How weights move.", [&] {
      v.field(option("rate", "Learning rate.").above(0), rate);
      v.field(option("cap", "Largest norm.").range(0, std::numeric_limits<double>::infinity()),
              cap);
      v.section("inner", "Deeper.",
                [&] { v.field(option("deep", "A number.").changes_on_resume(), deep); });
    });
    v.field(option("kind", "Which.").one_of({"reinforce", "ppo", "loop"}), kind);
    v.field(option("text", "Any text."), text);
    v.field(option("file", "A file.").path(), file);
    v.field(option("names", "Names."), names);
    v.field(option("steps", "Steps.").at_least(0), steps);
    v.field(option("weights", "Weights.").at_least(0), weights);
    v.field(option("maybe_flag", "Blank."), maybe_flag);
    v.field(option("maybe_count", "Blank.").at_least(1), maybe_count);
    v.field(option("maybe_rate", "Blank."), maybe_rate);
    v.field(option("maybe_text", "Blank."), maybe_text);
  }
};

template <class Options>
Describe description(Options& options) {
  return [&options](OptionVisitor& visitor) { options.describe(visitor); };
}

}  // namespace loopline::config
