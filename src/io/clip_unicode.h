#pragma once

#include <string>
#include <string_view>

namespace loopline::io {

/// Characters as the tokenizers package sees them, by which CLIP's ids are judged: version 0.23
/// takes letters and digits from Unicode 16, lower case from 17 and compositions from 9. The rest
/// is libutf8proc's, of Unicode 15 or later.
enum class CharacterClass { kSpace, kLetter, kNumber, kOther };

CharacterClass clip_class(char32_t character);

bool is_utf8(std::string_view text);

/// Unicode's normal form C of valid UTF-8.
std::u32string clip_compose(std::string_view text);

/// Character by character, whatever stands beside it.
void clip_lower(std::u32string& text);

void append_utf8(std::string& text, char32_t character);

}  // namespace loopline::io
