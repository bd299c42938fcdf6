#include "reward_source.h"

#include "loopline/core/error.h"
#include "loopline/core/text.h"
#include "loopline/reward/builtin_reward.h"
#include "loopline/reward/torchscript_reward.h"

namespace loopline::reward {
namespace {

namespace fs = std::filesystem;

// A misspelt built-in has become a path by the time that it is looked up: its last part is
// compared.
[[noreturn]] void fail_unknown_source(const std::string& source) {
  const std::vector<std::string>& names = builtin_reward_names();
  const std::string near = nearest_name(fs::path(source).filename().string(), names);
  throw Error("reward \"" + source + "\"", "is neither a directory nor a built-in reward",
              near.empty()
                  ? "a reward bundle is a directory with reward.json, built in are " + join(names)
                  : "did you mean " + near + "?");
}

}  // namespace

std::optional<io::RewardBundle> read_reward_source(const std::string& source) {
  if (is_builtin_reward(source)) return std::nullopt;
  if (!fs::is_directory(source)) fail_unknown_source(source);
  return io::load_reward_bundle(source);
}

std::unique_ptr<Reward> load_reward_source(const std::string& source,
                                           const std::optional<io::RewardBundle>& bundle,
                                           at::Device device) {
  return bundle ? load_torchscript_reward(*bundle, device) : make_builtin_reward(source);
}

}  // namespace loopline::reward
