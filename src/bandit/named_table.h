#pragma once

#include <span>
#include <string>
#include <string_view>

#include "loopline/core/error.h"

namespace loopline::bandit {

/// "a, b, c" of what has a name.
template <class Range, class NameOf>
std::string joined_names(const Range& range, NameOf name) {
  std::string text;
  for (const auto& item : range) {
    if (!text.empty()) text += ", ";
    text += name(item);
  }
  return text;
}

/// A table lists its kinds in the order of their enumeration.
template <class Entry, class Kind>
const Entry& entry_of(std::span<const Entry> table, Kind kind) {
  const Entry& entry = table[static_cast<std::size_t>(kind)];
  LOOPLINE_CHECK(entry.kind == kind, "a table is in the order of its enumeration");
  return entry;
}

template <class Entry>
const Entry& entry_named(std::span<const Entry> table, const std::string& what,
                         std::string_view name) {
  for (const Entry& entry : table) {
    if (entry.name == name) return entry;
  }
  throw Error(what + " '" + std::string(name) + "'", "there is none of this name",
              "choose one of " + joined_names(table, [](const Entry& e) { return e.name; }));
}

}  // namespace loopline::bandit
