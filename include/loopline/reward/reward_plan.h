#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "loopline/io/reward_bundle.h"

namespace loopline::reward {

/// One summand of a reward.
struct RewardTerm {
  double weight = 1;
  std::string source;  ///< a built-in's name, or the directory of a reward bundle
};

/// Reads "SOURCE" or "WEIGHT * SOURCE" ("0.1 * jpeg_compressibility"; weights may be negative). A
/// weight that is no finite number other than 0, or a missing source, is an Error. Only the first
/// star divides: a directory with a star in its name needs a weight before it.
RewardTerm parse_reward_term(const std::string& text);

/// The term with its source as an absolute, normal path, relative ones against `directory`. The
/// name of a built-in stays (a directory of that name is written ./NAME), so does the weight's
/// text. Resolving twice changes nothing.
std::string resolve_reward_term(const std::string& text, const std::filesystem::path& directory);

/// What a list of terms asks for, read from the manifests; no network is loaded.
struct RewardPlan {
  std::vector<RewardTerm> terms;
  std::vector<std::optional<io::RewardBundle>> bundles;  ///< one a term, empty for a built-in
  /// What the reward is: of one bundle with weight 1 the bundle's hash, else the SHA-256 over
  /// weight and built-in's name or bundle's hash of each term, a line each.
  std::string hash;
};

/// Throws the Error of a bad term or manifest, of an empty list, of a source that is neither a
/// built-in nor a directory (it names the nearest built-in), and of two components with one name.
RewardPlan plan_reward(const std::vector<std::string>& terms);

/// The names under which the components of all terms are reported, in order. One term: its own
/// names. Several: a term of one component goes by the reward's name, others by NAME/COMPONENT.
std::vector<std::string> component_names(const RewardPlan& plan);

}  // namespace loopline::reward
