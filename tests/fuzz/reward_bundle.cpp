#include "loopline/io/reward_bundle.h"

#include "fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace loopline;
  static const bool has_files = [] {
    for (const char* name : {"model.ts", "words.json"}) fuzz::scratch_file(name, name);
    return true;
  }();
  fuzz::scratch_file("reward.json", fuzz::text_of(data, size));
  fuzz::accepts([] {
    const io::RewardBundle bundle = io::load_reward_bundle(fuzz::scratch_directory());
    fuzz::require(has_files && bundle.hash.size() == 64, "a loaded bundle has a hash");
    const auto components = static_cast<std::int64_t>(bundle.components.size());
    fuzz::require(bundle.total >= 0 && bundle.total < components, "total is a component");
  });
  return 0;
}
