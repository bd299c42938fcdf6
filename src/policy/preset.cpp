#include "loopline/policy/preset.h"

#include <utility>

#include "loopline/core/error.h"
#include "loopline/core/text.h"

namespace loopline::policy {
namespace {

template <typename Value>
using Names = std::vector<std::pair<Value, std::string>>;

const Names<Baseline>& baselines() {
  static const Names<Baseline> names = {
      {Baseline::kNone, "none"},
      {Baseline::kBatchMean, "batch_mean"},
      {Baseline::kGroupMean, "group_mean"},
      {Baseline::kLeaveOneOut, "leave_one_out"},
      {Baseline::kRunningMean, "running_mean"},
      {Baseline::kPromptBuffer, "prompt_buffer"},
  };
  return names;
}

const Names<Scale>& scales() {
  static const Names<Scale> names = {
      {Scale::kNone, "none"},
      {Scale::kGroupStd, "group_std"},
      {Scale::kBatchStd, "batch_std"},
      {Scale::kBufferStd, "buffer_std"},
  };
  return names;
}

const Names<SurrogateKind>& surrogates() {
  static const Names<SurrogateKind> names = {
      {SurrogateKind::kLogProb, "log_prob"},
      {SurrogateKind::kClipped, "clipped"},
  };
  return names;
}

template <typename Value>
std::string name_of(const Names<Value>& names, Value value) {
  for (const auto& [candidate, name] : names) {
    if (candidate == value) return name;
  }
  LOOPLINE_CHECK(false, "an enumerator without a name");
  return "";
}

template <typename Value>
std::vector<std::string> names_of(const Names<Value>& names) {
  std::vector<std::string> result;
  for (const auto& entry : names) result.push_back(entry.second);
  return result;
}

[[noreturn]] void unknown(const std::string& what, const std::string& given,
                          const std::vector<std::string>& known) {
  const std::string nearest = nearest_name(given, known);
  throw Error(what, "unknown value '" + given + "', expected one of " + join(known),
              nearest.empty() ? "" : "did you mean '" + nearest + "'?");
}

template <typename Value>
Value parse(const Names<Value>& names, const std::string& what, const std::string& given) {
  for (const auto& [value, name] : names) {
    if (name == given) return value;
  }
  unknown(what, given, names_of(names));
}

}  // namespace

const std::vector<Preset>& presets() {
  static const std::vector<Preset> table = {
      {"reinforce", 1, Baseline::kRunningMean, Scale::kBatchStd, SurrogateKind::kLogProb, 1},
      {"rloo", 4, Baseline::kLeaveOneOut, Scale::kNone, SurrogateKind::kLogProb, 1},
      {"ppo", 1, Baseline::kPromptBuffer, Scale::kBufferStd, SurrogateKind::kClipped, 4},
      {"grpo", 4, Baseline::kGroupMean, Scale::kGroupStd, SurrogateKind::kClipped, 4},
      {"loop", 4, Baseline::kLeaveOneOut, Scale::kNone, SurrogateKind::kClipped, 4},
  };
  return table;
}

const Preset& find_preset(const std::string& name) {
  std::vector<std::string> known;
  for (const Preset& preset : presets()) {
    if (preset.name == name) return preset;
    known.push_back(preset.name);
  }
  unknown("algorithm", name, known);
}

std::string to_string(Baseline value) { return name_of(baselines(), value); }
std::string to_string(Scale value) { return name_of(scales(), value); }
std::string to_string(SurrogateKind value) { return name_of(surrogates(), value); }

Baseline parse_baseline(const std::string& name) { return parse(baselines(), "baseline", name); }
Scale parse_scale(const std::string& name) { return parse(scales(), "scale", name); }
SurrogateKind parse_surrogate(const std::string& name) {
  return parse(surrogates(), "surrogate", name);
}

std::vector<std::string> baseline_names() { return names_of(baselines()); }
std::vector<std::string> scale_names() { return names_of(scales()); }
std::vector<std::string> surrogate_names() { return names_of(surrogates()); }

}  // namespace loopline::policy
