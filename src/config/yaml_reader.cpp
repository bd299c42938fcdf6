// YAML text to ConfigTree. This file alone knows the YAML library: it listens to the parser's
// events rather than reading its node tree, which drops duplicate keys and the places of keys.

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <unordered_set>

#include "loopline/core/error.h"
#include "yaml_reader.h"

namespace loopline::config {
namespace {

constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxValues = 100'000;  // aliases can make a short text expand without bound
constexpr std::size_t kMaxBytes = 1 << 20;

struct Extent {
  std::size_t depth = 1;
  std::size_t values = 1;
};

Extent extent(const ConfigTree& tree) {
  Extent all;
  auto add = [&all](const ConfigTree& child) {
    const Extent e = extent(child);
    all.depth = std::max(all.depth, e.depth + 1);
    all.values += e.values;
  };
  for (const ConfigTree& child : tree.list) add(child);
  for (const auto& [key, child] : tree.map) add(child);
  return all;
}

class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const YamlSource& source) : source_(source) {}

  ConfigTree take_root() {
    if (bad_key_) throw *bad_key_;
    return std::move(root_);
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (started_) throw Error(place(mark), "a second YAML document starts here", "keep only one");
    started_ = true;
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    leaf(mark, anchor, make(ConfigTree::Kind::kNull, mark));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_tag(mark, tag);
    ConfigTree tree = make(ConfigTree::Kind::kScalar, mark);
    tree.scalar = value;
    tree.quoted = tag == "!";
    leaf(mark, anchor, std::move(tree));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      throw Error(place(mark), "an alias refers to a value that contains it");
    }
    const Extent e = extent(found->second);
    count(mark, e.values - 1, e.depth - 1);
    leaf(mark, YAML::NullAnchor, found->second);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, ConfigTree::Kind::kList);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, ConfigTree::Kind::kMap);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    ConfigTree tree;
    YAML::anchor_t anchor;
    std::unordered_set<std::string> keys{};
    std::optional<std::string> key{};  // of the value that comes next, in a map
    std::string key_place{};
  };

  std::string place(const YAML::Mark& mark) const { return source_.place(mark.line); }

  ConfigTree make(ConfigTree::Kind kind, const YAML::Mark& mark) const {
    ConfigTree tree;
    tree.kind = kind;
    tree.directory = source_.directory;
    tree.place = place(mark);
    return tree;
  }

  bool expects_key() const {
    return !open_.empty() && open_.back().tree.kind == ConfigTree::Kind::kMap && !open_.back().key;
  }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) const {
    if (!tag.empty() && tag != "?" && tag != "!") {
      throw Error(place(mark), "the YAML tag '" + tag + "' has no meaning here", "remove it");
    }
  }

  void count_values(const std::string& place, std::size_t values) {
    values_ += values;
    if (values_ > kMaxValues) throw Error(place, "more than 100000 values");
  }

  void count(const YAML::Mark& mark, std::size_t values, std::size_t further_depth) {
    count_values(place(mark), values);
    if (open_.size() + further_depth >= kMaxDepth) {
      throw Error(place(mark), "nested more than 64 levels deep");
    }
  }

  // Thrown at the end: the YAML library takes an unclosed bracket for a key until it sees the end
  // of the text, and what it says then is the better message.
  void refuse_key(const YAML::Mark& mark) {
    if (!bad_key_) bad_key_ = Error(place(mark), "a key must be plain text");
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            ConfigTree::Kind kind) {
    refuse_tag(mark, tag);
    if (expects_key()) refuse_key(mark);
    count(mark, 1, 0);
    open_.push_back({make(kind, mark), anchor});
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    deliver(done.anchor, std::move(done.tree));
  }

  void leaf(const YAML::Mark& mark, YAML::anchor_t anchor, ConfigTree tree) {
    count(mark, 1, 0);
    if (!expects_key()) {
      deliver(anchor, std::move(tree));
      return;
    }
    if (tree.kind != ConfigTree::Kind::kScalar) refuse_key(mark);
    Open& map = open_.back();
    if (!map.keys.insert(tree.scalar).second) {
      throw Error(place(mark), "the key '" + tree.scalar + "' is given twice",
                  "the first is at " + map.tree.find(tree.scalar)->place);
    }
    map.key = tree.scalar;
    map.key_place = place(mark);
    if (anchor != YAML::NullAnchor) anchors_[anchor] = std::move(tree);
  }

  void deliver(YAML::anchor_t anchor, ConfigTree tree) {
    if (anchor != YAML::NullAnchor) {
      count_values(tree.place, extent(tree).values);  // anchors within anchors: many copies
      anchors_[anchor] = tree;
    }
    if (open_.empty()) {
      root_ = std::move(tree);
      return;
    }
    Open& parent = open_.back();
    if (parent.tree.kind == ConfigTree::Kind::kList) {
      parent.tree.list.push_back(std::move(tree));
      return;
    }
    if (!parent.key) {  // a refused key
      parent.key = "";
      return;
    }
    // The YAML library places a missing value at the next token, and a map at its first key.
    tree.place = parent.key_place;
    parent.tree.map.emplace_back(std::move(*parent.key), std::move(tree));
    parent.key.reset();
  }

  const YamlSource& source_;
  ConfigTree root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, ConfigTree> anchors_;
  std::optional<Error> bad_key_;
  std::size_t values_ = 0;
  bool started_ = false;
};

}  // namespace

ConfigTree read_yaml(const std::string& text, const YamlSource& source) {
  if (text.size() > kMaxBytes) throw Error(source.place(0), "more than 1 MiB of YAML");
  TreeBuilder builder(source);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& e) {
    throw Error(source.place(std::max(e.mark.line, 0)), "not valid YAML: " + e.msg);
  }
  ConfigTree root = builder.take_root();
  root.directory = source.directory;
  if (root.place.empty()) root.place = source.place(0);
  return root;
}

}  // namespace loopline::config
