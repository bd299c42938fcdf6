#include "pickle_walk.h"

#include <array>
#include <cctype>
#include <cstdio>
#include <map>
#include <vector>

#include "loopline/core/error.h"

namespace loopline::io {
namespace {

constexpr std::size_t kDeepestValue = 512;  // LibTorch frees nested values by recursion
constexpr std::size_t kMostDimensions = 64;
constexpr std::size_t kMostValues = 2'000'000;  // a large network has some ten thousand

/// Bytes of an element by the name that a pickle gives its storage.
const std::map<std::string_view, std::uint64_t> kStorages{
    {"torch.ByteStorage", 1},          {"torch.CharStorage", 1},
    {"torch.BoolStorage", 1},          {"torch.ShortStorage", 2},
    {"torch.UInt16Storage", 2},        {"torch.HalfStorage", 2},
    {"torch.BFloat16Storage", 2},      {"torch.IntStorage", 4},
    {"torch.UInt32Storage", 4},        {"torch.FloatStorage", 4},
    {"torch.ComplexHalfStorage", 4},   {"torch.LongStorage", 8},
    {"torch.UInt64Storage", 8},        {"torch.DoubleStorage", 8},
    {"torch.ComplexFloatStorage", 8},  {"torch.Float8_e5m2Storage", 1},
    {"torch.Float8_e4m3fnStorage", 1}, {"torch.ComplexDoubleStorage", 16}};

enum class Kind { kOther, kInteger, kText, kTuple, kList, kDict, kGlobal, kStorage };

/// A value on the stack. Texts and globals are views into the pickle and tables of the walk.
struct Value {
  Kind kind = Kind::kOther;
  std::int64_t number = 0;  ///< an integer; the number of elements of a storage
  std::size_t node = 0;     ///< of a text, global or container
};

/// What may be large or shared.
struct Node {
  std::string text;
  std::vector<Value> items;  ///< of a tuple
  std::size_t depth = 1;
  bool is_inside = false;  ///< of another container: then it must not grow any more
};

class Walk {
 public:
  Walk(std::string_view bytes, const std::string& where, const StorageSize& storage_size)
      : bytes_(bytes), where_(where), storage_size_(storage_size) {}

  PickleNames run() {
    if (byte() != 0x80 || byte() != 2) refuse("is no pickle of protocol 2");
    while (step()) {
    }
    if (stack_.size() != 1 || !marks_.empty()) refuse("does not end with one value");
    if (position_ != bytes_.size()) refuse("has bytes after its end");
    return std::move(names_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(where_, what + " (byte " + std::to_string(position_) + " of the pickle)",
                "LibTorch does not write this: the file is damaged or made to harm");
  }

  unsigned byte() { return static_cast<unsigned char>(take(1)[0]); }

  std::string_view take(std::uint64_t count) {
    if (count > bytes_.size() - position_) refuse("is cut off");
    const std::string_view taken = bytes_.substr(position_, count);
    position_ += count;
    return taken;
  }

  std::uint64_t number(int width) {
    const std::string_view bytes = take(static_cast<std::uint64_t>(width));
    std::uint64_t value = 0;
    for (int i = width - 1; i >= 0; --i) {
      value = value << 8 | static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]);
    }
    return value;
  }

  // -- the stack --

  std::size_t bottom() const { return marks_.empty() ? 0 : marks_.back(); }

  void push(Value value) { stack_.push_back(value); }

  Value pop() {
    if (stack_.size() <= bottom()) refuse("takes a value that is not there");
    const Value value = stack_.back();
    stack_.pop_back();
    return value;
  }

  /// The values since the last mark, which goes, too.
  std::vector<Value> pop_to_mark() {
    if (marks_.empty()) refuse("takes a mark that is not there");
    const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<Value> items(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return items;
  }

  Value& top() {
    if (stack_.size() <= bottom()) refuse("takes a value that is not there");
    return stack_.back();
  }

  static bool has_node(const Value& value) {
    return value.kind != Kind::kInteger && value.node != 0;
  }

  std::size_t depth_of(const Value& value) const {
    return has_node(value) ? nodes_[value.node].depth : 0;
  }

  std::size_t new_node(Node node) {
    if (node.depth > kDeepestValue) refuse("is nested too deeply");
    if (nodes_.size() == kMostValues) refuse("has too many values");
    nodes_.push_back(std::move(node));
    return nodes_.size() - 1;
  }

  /// Marks the values as contained and returns the depth of what contains them.
  std::size_t enclose(const std::vector<Value>& items) {
    std::size_t depth = 1;
    for (const Value& item : items) {
      depth = std::max(depth, depth_of(item) + 1);
      if (has_node(item)) nodes_[item.node].is_inside = true;
    }
    return depth;
  }

  void push_container(Kind kind, std::vector<Value> items) {
    const std::size_t depth = enclose(items);
    if (kind != Kind::kTuple) items.clear();
    push({kind, 0, new_node({"", std::move(items), depth, false})});
  }

  /// The value of a call or of an object: as deep as what it is made of.
  void push_made_of(const Value& argument) {
    push({Kind::kOther, 0, new_node({"", {}, enclose({argument}), false})});
  }

  void grow(const Value& container, Kind kind, const std::vector<Value>& items) {
    if (container.kind != kind || (kind == Kind::kDict && items.size() % 2 != 0)) {
      refuse("fills something else than a list or a dictionary");
    }
    if (nodes_[container.node].is_inside) refuse("changes a container that is inside another");
    const std::size_t depth = std::max(nodes_[container.node].depth, enclose(items));
    if (depth > kDeepestValue) refuse("is nested too deeply");
    nodes_[container.node].depth = depth;
  }

  // -- opcodes --

  /// One opcode; false at the end.
  bool step() {
    const unsigned opcode = byte();
    switch (opcode) {
      case '.':  // STOP
        return false;
      case '(':  // MARK
        marks_.push_back(stack_.size());
        return true;
      case 'N':   // NONE
      case 0x88:  // NEWTRUE
      case 0x89:  // NEWFALSE
        push({});
        return true;
      case 'G':  // BINFLOAT
        take(8);
        push({});
        return true;
      case 'X':  // BINUNICODE
        push({Kind::kText, 0, new_node({std::string(take(number(4))), {}, 1, false})});
        return true;
      case 'c':  // GLOBAL
        read_global();
        return true;
      case 'R':  // REDUCE
        reduce();
        return true;
      case 'Q':  // BINPERSID
        load_storage();
        return true;
      default:
        if (!step_integer(opcode) && !step_memo(opcode) && !step_container(opcode)) {
          std::array<char, 8> hex{};
          std::snprintf(hex.data(), hex.size(), "0x%02x", opcode);
          refuse(std::string("has opcode ") + hex.data() + ", which LibTorch does not know");
        }
        return true;
    }
  }

  bool step_integer(unsigned opcode) {
    std::int64_t value = 0;
    if (opcode == 'K') {  // BININT1
      value = static_cast<std::int64_t>(number(1));
    } else if (opcode == 'M') {  // BININT2
      value = static_cast<std::int64_t>(number(2));
    } else if (opcode == 'J') {  // BININT
      value = static_cast<std::int32_t>(number(4));
    } else if (opcode == 0x8a) {  // LONG1
      if (number(1) != 8) refuse("has an integer that does not have 8 bytes");
      value = static_cast<std::int64_t>(number(8));
    } else {
      return false;
    }
    push({Kind::kInteger, value, 0});
    return true;
  }

  bool step_memo(unsigned opcode) {
    if (opcode == 'q' || opcode == 'r') {  // BINPUT, LONG_BINPUT
      const std::uint64_t id = number(opcode == 'q' ? 1 : 4);
      if (id > memo_.size()) refuse("leaves out numbers of its memo");
      if (id == memo_.size()) memo_.emplace_back();
      memo_[id] = top();
    } else if (opcode == 'h' || opcode == 'j') {  // BINGET, LONG_BINGET
      const std::uint64_t id = number(opcode == 'h' ? 1 : 4);
      if (id >= memo_.size()) refuse("takes something from its memo that is not there");
      push(memo_[id]);
    } else {
      return false;
    }
    return true;
  }

  bool step_container(unsigned opcode) {
    switch (opcode) {
      case ']':  // EMPTY_LIST
        push_container(Kind::kList, {});
        return true;
      case '}':  // EMPTY_DICT
        push_container(Kind::kDict, {});
        return true;
      case ')':  // EMPTY_TUPLE
        push_container(Kind::kTuple, {});
        return true;
      case 't':  // TUPLE
        push_container(Kind::kTuple, pop_to_mark());
        return true;
      case 0x85:  // TUPLE1
      case 0x86:  // TUPLE2
      case 0x87:  // TUPLE3
      {
        std::vector<Value> items(opcode - 0x84);
        for (std::size_t i = items.size(); i-- > 0;) items[i] = pop();
        push_container(Kind::kTuple, std::move(items));
        return true;
      }
      case 'l':  // LIST
        push_container(Kind::kList, pop_to_mark());
        return true;
      case 'd':  // DICT
      {
        const std::vector<Value> items = pop_to_mark();
        push_container(Kind::kDict, {});
        grow(top(), Kind::kDict, items);
        return true;
      }
      case 'a':  // APPEND
      {
        const Value item = pop();
        grow(top(), Kind::kList, {item});
        return true;
      }
      case 'e':  // APPENDS
      {
        const std::vector<Value> items = pop_to_mark();
        grow(top(), Kind::kList, items);
        return true;
      }
      case 's':  // SETITEM
      {
        const Value value = pop(), key = pop();
        grow(top(), Kind::kDict, {key, value});
        return true;
      }
      case 'u':  // SETITEMS
      {
        const std::vector<Value> items = pop_to_mark();
        grow(top(), Kind::kDict, items);
        return true;
      }
      case 0x81:  // NEWOBJ: the class stays, BUILD makes the object
        if (pop().kind != Kind::kTuple || top().kind != Kind::kGlobal) {
          refuse("makes an object of something that is no class");
        }
        return true;
      case 'b':  // BUILD
        reduce();
        return true;
      default:
        return false;
    }
  }

  void read_global() {
    std::string name;
    for (int part = 0; part < 2; ++part) {
      if (part == 1) name += '.';
      for (char c = take(1)[0]; c != '\n'; c = take(1)[0]) {
        if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_' && c != '.') {
          refuse("has a global whose name is none");
        }
        name += c;
      }
    }
    names_.globals.insert(name);
    push({Kind::kGlobal, 0, new_node({name, {}, 1, false})});
  }

  /// REDUCE and BUILD, which LibTorch treats alike: calls the global below the top with the top.
  void reduce() {
    const Value argument = pop(), function = pop();
    if (function.kind != Kind::kGlobal) refuse("calls something that is no global");
    const std::string& name = nodes_[function.node].text;
    if (name == "torch.jit._pickle.restore_type_tag") {
      const std::vector<Value>& items = tuple(argument, 2);
      if ((items[0].kind != Kind::kList && items[0].kind != Kind::kDict) ||
          items[1].kind != Kind::kText) {
        refuse("gives a type to something that is no list or dictionary");
      }
      names_.types.insert(nodes_[items[1].node].text);
      push(items[0]);
    } else if (name == "torch._utils._rebuild_tensor_v2" ||
               name == "torch._utils._rebuild_qtensor") {
      check_tensor(argument);
      push_made_of(argument);
    } else {
      push_made_of(argument);
    }
  }

  const std::vector<Value>& tuple(const Value& value, std::size_t least) const {
    if (value.kind != Kind::kTuple || nodes_[value.node].items.size() < least) {
      refuse("passes arguments that do not fit");
    }
    return nodes_[value.node].items;
  }

  /// ("storage", torch.FloatStorage, key, device, elements)
  void load_storage() {
    const std::vector<Value> items = tuple(pop(), 5);
    if (items[0].kind != Kind::kText || nodes_[items[0].node].text != "storage" ||
        items[1].kind != Kind::kGlobal || items[2].kind != Kind::kText ||
        items[3].kind != Kind::kText || items[4].kind != Kind::kInteger) {
      refuse("refers to something that is no storage of a tensor");
    }
    const auto type = kStorages.find(nodes_[items[1].node].text);
    if (type == kStorages.end()) refuse("has a tensor of an unknown type");
    const std::string& key = nodes_[items[2].node].text;
    const std::int64_t count = items[4].number;
    const auto available = storage_size_(key);
    if (count < 0 || (count > 0 && (!available || *available / type->second <
                                                      static_cast<std::uint64_t>(count)))) {
      refuse("has a tensor of " + std::to_string(count) + " elements, but its record is missing " +
             "or too short");
    }
    push({Kind::kStorage, count, 0});
  }

  std::vector<std::int64_t> integers(const Value& value) const {
    std::vector<std::int64_t> numbers;
    for (const Value& item : tuple(value, 0)) {
      if (item.kind != Kind::kInteger || item.number < 0) {
        refuse("has a tensor whose shape is none");
      }
      numbers.push_back(item.number);
    }
    return numbers;
  }

  /// (storage, offset, sizes, strides, ...): LibTorch takes these numbers as they are.
  void check_tensor(const Value& argument) const {
    const std::vector<Value>& items = tuple(argument, 6);
    if (items[0].kind != Kind::kStorage || items[1].kind != Kind::kInteger || items[1].number < 0) {
      refuse("makes a tensor of something that is no storage");
    }
    const std::vector<std::int64_t> sizes = integers(items[2]), strides = integers(items[3]);
    if (sizes.size() != strides.size() || sizes.size() > kMostDimensions) {
      refuse("has a tensor whose shape is none");
    }
    __extension__ using Wide = __int128;
    Wide last = items[1].number, elements = 1;
    bool is_empty = false;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      is_empty = is_empty || sizes[i] == 0;
      if (sizes[i] > 0) {
        last += static_cast<Wide>(sizes[i] - 1) * strides[i];
        elements *= sizes[i];
      }
      if (elements > INT64_MAX || last > INT64_MAX) refuse("has a tensor whose shape is none");
    }
    if (!is_empty && last >= items[0].number) {
      refuse("has a tensor that reaches beyond its storage");
    }
  }

  std::string_view bytes_;
  const std::string& where_;
  const StorageSize& storage_size_;
  std::size_t position_ = 0;
  std::vector<Value> stack_, memo_;
  std::vector<std::size_t> marks_;
  std::vector<Node> nodes_{Node{}};  ///< the first stands for "none"
  PickleNames names_;
};

}  // namespace

PickleNames walk_pickle(std::string_view bytes, const std::string& where,
                        const StorageSize& storage_size) {
  return Walk(bytes, where, storage_size).run();
}

}  // namespace loopline::io
