#include <utility>
#include <vector>

#include "loopline/core/error.h"
#include "loopline/io/json.h"

namespace loopline::io {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxDepth = 64;

// What the parser says, without its own prefix "[json.exception.parse_error.101] ".
std::string reason(const json::exception& e) {
  const std::string text = e.what();
  const auto end = text.find("] ");
  return end == std::string::npos ? text : text.substr(end + 2);
}

// Builds the document from the parser's events. (The library's own builder keeps the last of two
// equal keys, and with a callback that watches it takes time in the square of an object's size.)
class JsonBuilder : public nlohmann::json_sax<json> {
 public:
  JsonBuilder(const std::string& where, std::size_t most_values)
      : where_(where), most_values_(most_values) {}

  json take() { return std::move(root_); }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(std::int64_t value) override { return add(value); }
  bool number_unsigned(std::uint64_t value) override { return add(value); }
  bool number_float(double value, const std::string&) override { return add(value); }
  bool string(std::string& value) override { return add(std::move(value)); }
  bool binary(json::binary_t& value) override { return add(std::move(value)); }
  bool start_object(std::size_t) override { return open(json::object()); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_array() override { return close(); }

  bool key(std::string& name) override {
    const auto [member, is_new] = open_.back()->emplace(name, nullptr);
    if (!is_new) throw Error(where_, "the key \"" + name + "\" is given twice in one object");
    member_ = &*member;
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const json::exception& e) override {
    throw Error(where_, "not valid JSON: " + reason(e));
  }

 private:
  bool add(json value) {
    place(std::move(value));
    return true;
  }

  // Puts a value where it belongs: into the open list, behind the last key, or on top.
  json* place(json value) {
    if (++values_ > most_values_) {
      throw Error(where_, "JSON with more than " + std::to_string(most_values_) + " values");
    }
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    if (open_.back()->is_array()) {
      open_.back()->push_back(std::move(value));
      return &open_.back()->back();
    }
    *member_ = std::move(value);
    return member_;
  }

  // What is open does not move: a list grows only when nothing in it is open.
  bool open(json value) {
    if (open_.size() == kMaxDepth) throw Error(where_, "JSON nested more than 64 levels deep");
    open_.push_back(place(std::move(value)));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  const std::string& where_;
  const std::size_t most_values_;
  json root_;
  std::vector<json*> open_;
  json* member_ = nullptr;
  std::size_t values_ = 0;
};

}  // namespace

json parse_json(std::string_view text, const std::string& where, std::size_t most_values) {
  JsonBuilder builder(where, most_values);
  json::sax_parse(text, &builder);
  return builder.take();
}

}  // namespace loopline::io
