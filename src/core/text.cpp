#include "loopline/core/text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <utility>

namespace loopline {

namespace {

/// Comparisons of characters that a suggestion may cost: names come from anyone's files.
constexpr std::size_t kMostWork = 50'000'000;

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

/// Optimal string alignment: insertions, deletions, substitutions, exchanges of neighbours.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Rows of the table: of the present character of `a`, the one before, the one before that.
  std::vector<std::size_t> row(b.size() + 1), above(b.size() + 1), second_above(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::swap(second_above, above);
    std::swap(above, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t differs = lower(a[i - 1]) != lower(b[j - 1]) ? 1 : 0;
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + differs});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
          lower(a[i - 2]) == lower(b[j - 1])) {
        row[j] = std::min(row[j], second_above[j - 2] + 1);
      }
    }
  }
  return row[b.size()];
}

template <class... Values>
std::string printed(const char* format, Values... values) {
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), format, values...);
  return buffer.data();
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view text) {
  // Greedy with one point of return: the last star, retried one character further each time.
  std::size_t p = 0, t = 0, star = std::string_view::npos, retry = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++retry;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

std::string nearest_name(std::string_view word, const std::vector<std::string>& candidates) {
  std::string nearest;
  std::size_t limit = 1 + word.size() / 3;
  std::size_t work = 0;
  for (const std::string& candidate : candidates) {
    const std::size_t a = word.size(), b = candidate.size();
    if (std::max(a, b) - std::min(a, b) > limit) continue;  // the distance is not less
    work += (a + 1) * (b + 1);
    if (work > kMostWork) return nearest;
    const std::size_t distance = edit_distance(word, candidate);
    const bool keeps_a_letter = distance < std::max(word.size(), candidate.size());
    if (keeps_a_letter && (distance < limit || (distance == limit && nearest.empty()))) {
      nearest = candidate;
      limit = distance;
    }
  }
  return nearest;
}

std::string trimmed(const std::string& text) {
  constexpr char kSpace[] = " \t\r\n\v\f";
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    text.append(i == 0 ? "" : separator).append(parts[i]);
  }
  return text;
}

std::string human_bytes(double bytes) {
  static constexpr std::array<const char*, 6> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  std::size_t unit = 0;
  // 1023.95 would print as 1024.0.
  while (std::abs(bytes) >= (unit == 0 ? 1024.0 : 1023.95) && unit + 1 < kUnits.size()) {
    bytes /= 1024.0;
    ++unit;
  }
  return printed(unit == 0 ? "%.0f %s" : "%.1f %s", bytes, kUnits[unit]);
}

std::string human_duration(double seconds) {
  if (!(seconds >= 0) || !std::isfinite(seconds) || seconds > 1e15) {
    return "?";
  }
  const long long whole = std::llround(seconds);
  if (whole < 60) {
    return printed("%lld s", whole);
  }
  if (whole < 3600) {
    return printed("%lld min %02lld s", whole / 60, whole % 60);
  }
  return printed("%lld h %02lld min", whole / 3600, whole % 3600 / 60);
}

}  // namespace loopline
