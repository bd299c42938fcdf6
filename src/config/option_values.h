#pragma once

#include <string>

#include "loopline/config/config_tree.h"
#include "loopline/config/options.h"
#include "option_text.h"

namespace loopline::config {

/// One YAML value into one field, with type, range and choices checked. `path` is the option's
/// dotted path, for messages. Underscores, other bases and rounding are not accepted: what is
/// written is what is used.
void read_value(const ConfigTree& tree, const std::string& path, const OptionInfo& info,
                bool& value);
void read_value(const ConfigTree& tree, const std::string& path, const OptionInfo& info,
                std::int64_t& value);
void read_value(const ConfigTree& tree, const std::string& path, const OptionInfo& info,
                double& value);
void read_value(const ConfigTree& tree, const std::string& path, const OptionInfo& info,
                std::string& value);

/// What stands there, for messages: "a list", "nothing", "'abc'", "the text '3'" (quoted).
std::string found_text(const ConfigTree& tree);

[[noreturn]] void throw_wrong_type(const ConfigTree& tree, const std::string& path, OptionType type,
                                   const OptionInfo& info);

}  // namespace loopline::config
