#include <set>

#include "json_fields.h"
#include "loopline/core/error.h"

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

}  // namespace

json parse_json(std::string_view text, const std::string& where) {
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  std::size_t depth = 0;
  const auto watch = [&](int, json::parse_event_t event, json& parsed) {
    switch (event) {
      case json::parse_event_t::object_start:
        keys.emplace_back();
        [[fallthrough]];
      case json::parse_event_t::array_start:
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
        break;
    }
    return true;
  };
  try {
    return json::parse(text, watch);
  } catch (const json::exception& e) {
    throw Error(where, "not valid JSON: " + reason(e));
  }
}

}  // namespace loopline::io
