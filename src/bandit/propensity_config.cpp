#include "loopline/bandit/propensity_config.h"

#include "loopline/config/config_tree.h"
#include "loopline/config/read_options.h"

namespace loopline::bandit {

using config::option;

void PropensityConfig::describe(config::OptionVisitor& v) {
  v.section("log", "The log that is there.", [&] { log.describe(v); });
  v.section("model", "The model of the policy that logged.", [&] { model.describe(v); });
  v.field(option("floor",
                 "Rows with a lower propensity, and rows within it of 1, are counted and told; "
                 "nothing is changed.")
              .range(0, 0.5),
          floor);
  v.field(option("threads", "0: one a core. Changes no result.").range(0, 1024), threads);
}

PropensityConfig read_propensity_config(const std::filesystem::path& file,
                                        const std::vector<std::string>& assignments) {
  config::ConfigTree tree = config::load_config(file);
  for (const std::string& assignment : assignments) config::apply_set(tree, assignment);
  PropensityConfig config;
  config::read_options(tree, [&](config::OptionVisitor& v) { config.describe(v); });
  config.log.check();
  return config;
}

}  // namespace loopline::bandit
