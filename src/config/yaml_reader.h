#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "loopline/config/config_tree.h"

namespace loopline::config {

/// Where a YAML text comes from.
struct YamlSource {
  std::function<std::string(int)> place;  ///< of a line, counted from 0
  std::filesystem::path directory;
};

/// Parses one YAML document.
ConfigTree read_yaml(const std::string& text, const YamlSource& source);

}  // namespace loopline::config
