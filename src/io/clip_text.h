#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace loopline::io {

/// The words of a text as CLIP's tokenizer sees them, one after the other: normal form C, lower
/// case, then letters together, digits one by one, other signs together, and the contractions 's 't
/// 're 've 'm 'll 'd. White space stands between words and is in none.
class ClipWords {
 public:
  /// Of valid UTF-8.
  explicit ClipWords(std::string_view text);

  /// Puts the next word into `word`, in UTF-8. False: there is none.
  bool next(std::string& word);

 private:
  std::size_t end_of_word() const;
  bool starts_with(std::u32string_view what) const;

  std::u32string text_;
  std::size_t at_ = 0;
  std::size_t marker_end_ = 0;  // of a marker that at_ stands in
};

}  // namespace loopline::io
