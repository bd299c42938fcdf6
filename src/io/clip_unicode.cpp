#include "clip_unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <vector>

#include "loopline/core/error.h"

namespace loopline::io {
namespace {

struct Range {
  char32_t first, last;
};

// What is newer than Unicode 15. tests/parity/clip_tokenizer_test.py holds every character against
// the package.
constexpr Range kNewLetters[] = {
    {0x1C89, 0x1C8A},   {0xA7CB, 0xA7CD},   {0xA7DA, 0xA7DC},   {0x105C0, 0x105F3},
    {0x10D4A, 0x10D65}, {0x10D6F, 0x10D85}, {0x10EC2, 0x10EC4}, {0x11380, 0x11389},
    {0x1138B, 0x1138B}, {0x1138E, 0x1138E}, {0x11390, 0x113B5}, {0x113B7, 0x113B7},
    {0x113D1, 0x113D1}, {0x113D3, 0x113D3}, {0x11BC0, 0x11BE0}, {0x13460, 0x143FA},
    {0x16100, 0x1611D}, {0x16D40, 0x16D6C}, {0x18CFF, 0x18CFF}, {0x1E5D0, 0x1E5ED},
    {0x1E5F0, 0x1E5F0}, {0x2EBF0, 0x2EE5D}};
constexpr Range kNewNumbers[] = {{0x10D40, 0x10D49}, {0x116D0, 0x116E3}, {0x11BF0, 0x11BF9},
                                 {0x16130, 0x16139}, {0x16D70, 0x16D79}, {0x1CCF0, 0x1CCF9},
                                 {0x1E5F1, 0x1E5FA}};

struct LowerCase {
  Range upper;
  char32_t lower;  // of the first
};
constexpr LowerCase kNewLowerCase[] = {
    {{0x1C89, 0x1C89}, 0x1C8A},   {{0xA7CB, 0xA7CB}, 0x0264}, {{0xA7CC, 0xA7CC}, 0xA7CD},
    {{0xA7CE, 0xA7CE}, 0xA7CF},   {{0xA7D2, 0xA7D2}, 0xA7D3}, {{0xA7D4, 0xA7D4}, 0xA7D5},
    {{0xA7DA, 0xA7DA}, 0xA7DB},   {{0xA7DC, 0xA7DC}, 0x019B}, {{0x10D50, 0x10D65}, 0x10D70},
    {{0x16EA0, 0x16EB8}, 0x16EBB}};

// Marks and compositions after Unicode 9, which are no more than characters to the package: they
// stay where they stand, and nothing composes across them.
constexpr Range kInert[] = {
    {0x7FD, 0x7FD},     {0x898, 0x89F},     {0x8CA, 0x8D3},     {0x9FE, 0x9FE},
    {0xC3C, 0xC3C},     {0xD3B, 0xD3C},     {0xEBA, 0xEBA},     {0x1715, 0x1715},
    {0x1ABF, 0x1ACE},   {0x1DF6, 0x1DFA},   {0xA82C, 0xA82C},   {0x10D24, 0x10D27},
    {0x10EAB, 0x10EAC}, {0x10EFD, 0x10EFF}, {0x10F46, 0x10F50}, {0x10F82, 0x10F85},
    {0x11070, 0x11070}, {0x1133B, 0x1133B}, {0x1145E, 0x1145E}, {0x11839, 0x1183A},
    {0x11930, 0x11930}, {0x11938, 0x11938}, {0x1193D, 0x1193E}, {0x11943, 0x11943},
    {0x119E0, 0x119E0}, {0x11A34, 0x11A34}, {0x11A47, 0x11A47}, {0x11A99, 0x11A99},
    {0x11D42, 0x11D42}, {0x11D44, 0x11D45}, {0x11D97, 0x11D97}, {0x11F41, 0x11F42},
    {0x16FF0, 0x16FF1}, {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE},
    {0x1E2EC, 0x1E2EF}, {0x1E4EC, 0x1E4EF}};

template <std::size_t size>
bool is_in(const Range (&ranges)[size], char32_t c) {
  const Range* after =
      std::upper_bound(std::begin(ranges), std::end(ranges), c,
                       [](char32_t value, const Range& range) { return value < range.first; });
  return after != std::begin(ranges) && c <= std::prev(after)->last;
}

/// The character at `at`, which moves behind it; negative where there is none.
std::int32_t take_character(std::string_view text, std::size_t& at) {
  std::int32_t c = -1;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + at;
  at += static_cast<std::size_t>(std::max<utf8proc_ssize_t>(
      utf8proc_iterate(bytes, static_cast<utf8proc_ssize_t>(text.size() - at), &c), 0));
  return c;
}

int combining_class(std::int32_t c) { return utf8proc_get_property(c)->combining_class; }

/// Marks in their canonical order. libutf8proc's own ordering takes time in the square of a run.
void order_marks(std::vector<std::int32_t>& text) {
  for (auto begin = text.begin(); begin != text.end();) {
    if (combining_class(*begin) == 0) {
      ++begin;
      continue;
    }
    const auto end =
        std::find_if(begin, text.end(), [](std::int32_t c) { return combining_class(c) == 0; });
    std::stable_sort(begin, end, [](std::int32_t a, std::int32_t b) {
      return combining_class(a) < combining_class(b);
    });
    begin = end;
  }
}

/// Appends what is decomposed so far, composed, and empties it.
void flush(std::vector<std::int32_t>& decomposed, std::u32string& composed) {
  order_marks(decomposed);
  const auto size =
      utf8proc_normalize_utf32(decomposed.data(), static_cast<utf8proc_ssize_t>(decomposed.size()),
                               static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
  LOOPLINE_CHECK(size >= 0, "libutf8proc composes what it has decomposed");
  composed.append(decomposed.begin(), decomposed.begin() + size);
  decomposed.clear();
}

void decompose(std::int32_t c, std::vector<std::int32_t>& decomposed) {
  constexpr int kMostParts = 32;  // four by Unicode's canonical mappings
  std::int32_t parts[kMostParts];
  int boundary = 0;
  const auto count = utf8proc_decompose_char(
      c, parts, kMostParts, static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_STABLE),
      &boundary);
  LOOPLINE_CHECK(count >= 0 && count <= kMostParts, "a character has few parts");
  decomposed.insert(decomposed.end(), parts, parts + count);
}

}  // namespace

CharacterClass clip_class(char32_t c) {
  if ((c >= 0x9 && c <= 0xD) || c == 0x85) return CharacterClass::kSpace;
  if (is_in(kNewLetters, c)) return CharacterClass::kLetter;
  if (is_in(kNewNumbers, c)) return CharacterClass::kNumber;
  switch (utf8proc_category_string(static_cast<std::int32_t>(c))[0]) {
    case 'L':
      return CharacterClass::kLetter;
    case 'N':
      return CharacterClass::kNumber;
    case 'Z':
      return CharacterClass::kSpace;
    default:
      return CharacterClass::kOther;
  }
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    if (take_character(text, at) < 0) return false;
  }
  return true;
}

std::u32string clip_compose(std::string_view text) {
  std::u32string composed;
  std::vector<std::int32_t> decomposed;
  for (std::size_t at = 0; at < text.size();) {
    const std::int32_t c = take_character(text, at);
    LOOPLINE_CHECK(c >= 0, "the text is valid UTF-8");
    if (is_in(kInert, static_cast<char32_t>(c))) {
      flush(decomposed, composed);
      composed.push_back(static_cast<char32_t>(c));
    } else {
      decompose(c, decomposed);
    }
  }
  flush(decomposed, composed);
  return composed;
}

void clip_lower(std::u32string& text) {
  std::u32string lower;
  lower.reserve(text.size());
  for (const char32_t c : text) {
    const auto* mapping = std::find_if(
        std::begin(kNewLowerCase), std::end(kNewLowerCase),
        [c](const LowerCase& each) { return c >= each.upper.first && c <= each.upper.last; });
    if (c == 0x130) {  // the one capital whose small letter takes two characters
      lower += U"i\u0307";
    } else if (mapping != std::end(kNewLowerCase)) {
      lower += mapping->lower + (c - mapping->upper.first);
    } else {
      lower += static_cast<char32_t>(utf8proc_tolower(static_cast<std::int32_t>(c)));
    }
  }
  text = std::move(lower);
}

void append_utf8(std::string& text, char32_t c) {
  utf8proc_uint8_t bytes[4];
  const auto size = utf8proc_encode_char(static_cast<std::int32_t>(c), bytes);
  text.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

}  // namespace loopline::io
