#include <set>
#include <vector>

#include "loopline/core/error.h"
#include "loopline/io/json.h"

namespace loopline::io {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxValues = 4'000'000;

// What the parser says, without its own prefix "[json.exception.parse_error.101] ".
std::string reason(const json::exception& e) {
  const std::string text = e.what();
  const auto end = text.find("] ");
  return end == std::string::npos ? text : text.substr(end + 2);
}

}  // namespace

json parse_json(std::string_view text, const std::string& where) {
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  std::size_t depth = 0, values = 0;
  const auto watch = [&](int, json::parse_event_t event, json& parsed) {
    switch (event) {
      case json::parse_event_t::object_start:
        keys.emplace_back();
        [[fallthrough]];
      case json::parse_event_t::array_start:
        ++values;
        if (++depth > kMaxDepth) throw Error(where, "JSON nested more than 64 levels deep");
        break;
      case json::parse_event_t::object_end:
        keys.pop_back();
        [[fallthrough]];
      case json::parse_event_t::array_end:
        --depth;
        break;
      case json::parse_event_t::key: {
        const auto& key = parsed.get_ref<const std::string&>();
        if (!keys.back().insert(key).second) {
          throw Error(where, "the key \"" + key + "\" is given twice in one object");
        }
        break;
      }
      case json::parse_event_t::value:
        ++values;
        break;
    }
    if (values > kMaxValues) throw Error(where, "JSON with more than 4000000 values");
    return true;
  };
  try {
    return json::parse(text, watch);
  } catch (const json::exception& e) {
    throw Error(where, "not valid JSON: " + reason(e));
  }
}

}  // namespace loopline::io
