#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace loopline::config {

/// A YAML document with the place of every value, independent of the YAML library. Maps keep their
/// order. Duplicate keys, keys that are not plain text, explicit tags, cycles through anchors,
/// depth over 64, more than 100,000 values after aliases are expanded and files over 1 MiB are
/// Errors with file and line.
struct ConfigTree {
  enum class Kind { kNull, kScalar, kList, kMap };

  ConfigTree();  // defined elsewhere: clang 14 cannot compile an inline one in a type that holds
                 // itself

  Kind kind = Kind::kNull;
  std::string scalar;
  bool quoted = false;  ///< the scalar stood in quotes or was a block scalar: it is text, no number
  std::vector<ConfigTree> list;
  std::vector<std::pair<std::string, ConfigTree>> map;
  /// Paths in this value resolve against it (empty: current directory).
  std::filesystem::path directory;
  /// "file.yaml:12" or "--set a.b=c", for error messages. A value in a map has its key's place.
  std::string place;

  /// The value of a key; nullptr when this is no map or has no such key.
  const ConfigTree* find(const std::string& key) const;
};

/// Parses YAML text; `file` is used for places and for resolving paths. An empty text is kNull.
ConfigTree parse_yaml(const std::string& text, const std::filesystem::path& file);

/// Reads a config file, a map of options, and, when it has a top-level `base: other.yaml`, merges
/// it over that file (relative to it; chains of 16 files allowed, cycles are an Error). The `base`
/// key is removed.
ConfigTree load_config(const std::filesystem::path& file);

/// Lays `over` over `under`: maps merge key by key, everything else (lists too) replaces.
ConfigTree merge(ConfigTree under, const ConfigTree& over);

/// Applies "a.b.c=value" (value is YAML, laid over what is there as `merge` does). Sections on the
/// way are created. A malformed assignment is an Error.
void apply_set(ConfigTree& tree, const std::string& assignment);

}  // namespace loopline::config
