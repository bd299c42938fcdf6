#pragma once

#include <optional>
#include <string>
#include <vector>

#include "loopline/config/options.h"
#include "loopline/config/read_options.h"
#include "option_text.h"

namespace loopline::config {

/// One section or option of a described struct, with its present value as YAML.
struct OptionRow {
  bool is_section = false;
  std::string path;     ///< dotted
  std::string section;  ///< dotted path of the section that holds it, "" at the top
  std::size_t depth = 0;
  OptionInfo info;  ///< of a section: name and help
  OptionType type = OptionType::kText;
  std::string value;               ///< of a list: [a, b]; of an unset optional: null
  std::vector<std::string> items;  ///< of a list: each item as YAML
};

/// All sections and options in the order of the description. Two of one name are a broken
/// invariant.
std::vector<OptionRow> option_rows(const Describe& describe);

}  // namespace loopline::config
