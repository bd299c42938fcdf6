#include "loopline/config/config_tree.h"

#include <algorithm>
#include <system_error>
#include <unordered_map>

#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "yaml_reader.h"

namespace loopline::config {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxFileBytes = 1 << 20;
constexpr std::size_t kMaxChain = 16;

// `chain` holds the files that led here, to find cycles.
ConfigTree load(const fs::path& file, std::vector<fs::path> chain, const std::string& named_at) {
  std::error_code reason;
  const fs::path identity = fs::weakly_canonical(file, reason);
  if (std::find(chain.begin(), chain.end(), identity) != chain.end()) {
    throw Error(named_at, "`base` leads back to " + file.string() + ", which is being read",
                "remove one link of the circle");
  }
  if (chain.size() == kMaxChain) throw Error(named_at, "more than 16 files in a chain of `base`");
  chain.push_back(identity);
  if (!fs::exists(file, reason)) {
    throw Error(
        named_at.empty() ? file.string() : named_at,
        named_at.empty() ? "no such file" : "the base file " + file.string() + " is missing");
  }
  if (!fs::is_regular_file(file, reason)) throw Error(file.string(), "not a file");

  ConfigTree tree = parse_yaml(read_file(file, kMaxFileBytes), file);
  if (tree.kind == ConfigTree::Kind::kNull) tree.kind = ConfigTree::Kind::kMap;
  if (tree.kind != ConfigTree::Kind::kMap) {
    throw Error(tree.place, "a config file is a map of options, `name: value` a line");
  }
  const auto base = std::find_if(tree.map.begin(), tree.map.end(),
                                 [](const auto& entry) { return entry.first == "base"; });
  if (base == tree.map.end()) return tree;
  const ConfigTree value = base->second;
  tree.map.erase(base);
  if (value.kind != ConfigTree::Kind::kScalar || value.scalar.empty() ||
      value.scalar.find('\0') != std::string::npos) {
    throw Error(value.place, "base must be the name of one config file");
  }
  const fs::path base_file = (value.directory / value.scalar).lexically_normal();
  return merge(load(base_file, std::move(chain), value.place), tree);
}

ConfigTree& find_or_add(ConfigTree& section, const std::string& key) {
  section.kind = ConfigTree::Kind::kMap;
  for (auto& [name, value] : section.map) {
    if (name == key) return value;
  }
  return section.map.emplace_back(key, ConfigTree{}).second;
}

std::vector<std::string> split_path(const std::string& path) {
  std::vector<std::string> parts(1);
  for (const char c : path) {
    if (c == '.') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

}  // namespace

ConfigTree::ConfigTree() = default;

const ConfigTree* ConfigTree::find(const std::string& key) const {
  for (const auto& [name, value] : map) {
    if (name == key) return &value;
  }
  return nullptr;
}

ConfigTree parse_yaml(const std::string& text, const fs::path& file) {
  YamlSource source;
  source.place = [&file](int line) { return file.string() + ":" + std::to_string(line + 1); };
  source.directory = fs::absolute(file).parent_path();
  return read_yaml(text, source);
}

ConfigTree load_config(const fs::path& file) { return load(file, {}, ""); }

ConfigTree merge(ConfigTree under, const ConfigTree& over) {
  if (under.kind != ConfigTree::Kind::kMap || over.kind != ConfigTree::Kind::kMap) return over;
  std::unordered_map<std::string, std::size_t> positions;
  for (const auto& [key, value] : under.map) positions.emplace(key, positions.size());
  for (const auto& [key, value] : over.map) {
    const auto same = positions.find(key);
    if (same == positions.end()) {
      under.map.emplace_back(key, value);
    } else {
      ConfigTree& target = under.map[same->second].second;
      target = merge(std::move(target), value);
    }
  }
  under.place = over.place;
  under.directory = over.directory;
  return under;
}

void apply_set(ConfigTree& tree, const std::string& assignment) {
  const std::string place = "--set " + assignment;
  const auto equals = assignment.find('=');
  const std::vector<std::string> path = split_path(assignment.substr(0, equals));
  const bool has_empty_part = std::any_of(path.begin(), path.end(), [](const auto& part) {
    return part.empty() || part.find_first_of(" \t") != std::string::npos;
  });
  if (equals == std::string::npos || has_empty_part) {
    throw Error(place, "not an assignment", "write --set section.option=value");
  }
  YamlSource source;
  source.place = [&place](int) { return place; };
  ConfigTree value = read_yaml(assignment.substr(equals + 1), source);

  ConfigTree* target = &tree;
  for (const std::string& key : path) {
    if (target->kind == ConfigTree::Kind::kScalar || target->kind == ConfigTree::Kind::kList) {
      throw Error(place, "there is no section to hold '" + key + "'",
                  "at " + target->place + " stands a single value");
    }
    if (target->place.empty()) target->place = place;
    target = &find_or_add(*target, key);
  }
  *target = merge(std::move(*target), value);
}

}  // namespace loopline::config
