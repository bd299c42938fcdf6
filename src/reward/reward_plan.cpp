#include "loopline/reward/reward_plan.h"

#include <array>
#include <charconv>
#include <cmath>
#include <set>

#include "loopline/core/error.h"
#include "loopline/core/hash.h"
#include "loopline/core/text.h"
#include "loopline/reward/builtin_reward.h"
#include "reward_source.h"
#include "reward_weight.h"

namespace loopline::reward {
namespace {

namespace fs = std::filesystem;

/// A term's two texts without the blanks around them; no weight is an empty one.
struct TermText {
  std::string weight, source;
};

[[noreturn]] void fail_term(const std::string& text, const std::string& what) {
  throw Error("reward \"" + text + "\"", what,
              "write SOURCE or WEIGHT * SOURCE, as in \"0.1 * jpeg_compressibility\"");
}

TermText split_term(const std::string& text) {
  const auto star = text.find('*');
  if (star == std::string::npos) return {"", trimmed(text)};
  TermText parts{trimmed(text.substr(0, star)), trimmed(text.substr(star + 1))};
  if (parts.weight.empty()) fail_term(text, "has no weight before the star");
  return parts;
}

double parse_weight(const std::string& weight, const std::string& term) {
  double value = 0;
  const char* end = weight.data() + weight.size();
  const auto [stop, error] = std::from_chars(weight.data(), end, value);
  if (error != std::errc() || stop != end || !std::isfinite(value)) {
    fail_term(term, "has a weight that is no finite number");
  }
  if (value == 0) fail_term(term, "has weight 0, which leaves nothing of it");
  return value;
}

std::string term_name(const RewardTerm& term, const std::optional<io::RewardBundle>& bundle) {
  return bundle ? bundle->name : term.source;
}

std::string plan_hash(const RewardPlan& plan) {
  if (plan.terms.size() == 1 && plan.bundles[0] && plan.terms[0].weight == 1) {
    return plan.bundles[0]->hash;
  }
  std::string lines;
  for (std::size_t i = 0; i < plan.terms.size(); ++i) {
    const auto& bundle = plan.bundles[i];
    lines += weight_text(plan.terms[i].weight) + " * " +
             (bundle ? bundle->hash : plan.terms[i].source) + "\n";
  }
  return sha256(lines);
}

void check_distinct(const std::vector<std::string>& names) {
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (seen.insert(name).second) continue;
    throw Error("reward", "two terms report a component \"" + name + "\"",
                "give it once with the sum of the weights, or change a name in a reward.json");
  }
}

}  // namespace

std::string weight_text(double weight) {
  std::array<char, 32> buffer{};  // the shortest form has at most 24 characters
  return {buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), weight).ptr};
}

RewardTerm parse_reward_term(const std::string& text) {
  const TermText parts = split_term(text);
  if (parts.source.empty()) fail_term(text, "names no reward");
  return {parts.weight.empty() ? 1.0 : parse_weight(parts.weight, text), parts.source};
}

std::string resolve_reward_term(const std::string& text, const fs::path& directory) {
  const RewardTerm term = parse_reward_term(text);
  std::string source = term.source;
  if (!is_builtin_reward(source)) {
    source = (fs::absolute(directory) / source).lexically_normal().string();
    if (source.size() > 1 && source.back() == '/') source.pop_back();
  }
  const std::string weight = split_term(text).weight;
  if (!weight.empty()) return weight + " * " + source;
  return source.find('*') == std::string::npos ? source : "1 * " + source;
}

RewardPlan plan_reward(const std::vector<std::string>& terms) {
  if (terms.empty()) throw Error("reward", "names no reward");
  RewardPlan plan;
  for (const std::string& text : terms) {
    plan.terms.push_back(parse_reward_term(text));
    plan.bundles.push_back(read_reward_source(plan.terms.back().source));
  }
  check_distinct(component_names(plan));
  plan.hash = plan_hash(plan);
  return plan;
}

std::vector<std::string> component_names(const RewardPlan& plan) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < plan.terms.size(); ++i) {
    const std::string name = term_name(plan.terms[i], plan.bundles[i]);
    const std::vector<std::string> own =
        plan.bundles[i] ? plan.bundles[i]->components : std::vector<std::string>{name};
    for (const std::string& component : own) {
      const bool alone = plan.terms.size() == 1;
      names.push_back(alone ? component : own.size() == 1 ? name : name + "/" + component);
    }
  }
  return names;
}

}  // namespace loopline::reward
