#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace loopline::config {

/// A YAML document with the place of every value, independent of the YAML library. Maps keep their
/// order. Duplicate keys, anchors-based cycles, depth over 64 and files over 1 MiB are Errors with file and line.
struct ConfigTree {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  std::string scalar;
  std::vector<ConfigTree> list;
  std::vector<std::pair<std::string, ConfigTree>> map;
  std::filesystem::path directory;  ///< paths in this value resolve against it (empty: current directory)
  std::string place;                ///< "file.yaml:12" or "--set a.b=c", for error messages

  const ConfigTree* find(const std::string& key) const;
};

/// Parses YAML text; `file` is used for places and for resolving paths.
ConfigTree parse_yaml(const std::string& text, const std::filesystem::path& file);

/// Reads a config file and, when it has a top-level `base: other.yaml`, merges it over that file
/// (relative to it; chains allowed, cycles are an Error). The `base` key is removed.
ConfigTree load_config(const std::filesystem::path& file);

/// Lays `over` over `under`: maps merge key by key, everything else (lists too) replaces.
ConfigTree merge(ConfigTree under, const ConfigTree& over);

/// Applies "a.b.c=value" (value is YAML). A malformed assignment is an Error.
void apply_set(ConfigTree& tree, const std::string& assignment);

}  // namespace loopline::config
