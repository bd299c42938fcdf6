#include "config/options_fixture.h"
#include "fuzzing.h"
#include "loopline/config/config_tree.h"

namespace {

using namespace loopline;

std::string written(config::Sample& options) {
  return config::write_options(config::description(options));
}

}  // namespace

// A config file, which may name base.yaml as its base; after a zero byte, a --set assignment.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto base = fuzz::scratch_file("base.yaml", "flag: false\noptimizer: {rate: 2}\n");
  const auto [yaml, assignment] = fuzz::split_at_zero(fuzz::text_of(data, size));
  const auto file = fuzz::scratch_file("config.yaml", yaml);
  config::ConfigTree tree;
  if (!fuzz::accepts([&] { tree = config::load_config(file); })) return 0;
  if (!assignment.empty()) fuzz::accepts([&, &set = assignment] { config::apply_set(tree, set); });
  config::Sample options;
  if (!fuzz::accepts([&] { config::read_options(tree, config::description(options)); })) return 0;

  const std::string text = written(options);
  config::Sample again;
  config::read_options(config::parse_yaml(text, base), config::description(again));
  fuzz::require(written(again) == text, "written options read back to the same values");
  return 0;
}
