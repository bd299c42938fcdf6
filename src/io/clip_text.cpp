#include "clip_text.h"

#include "clip_unicode.h"

namespace loopline::io {
namespace {

constexpr std::u32string_view kMarkers[] = {U"<|startoftext|>", U"<|endoftext|>"};
constexpr std::u32string_view kContractions[] = {U"'s", U"'t",  U"'re", U"'ve",
                                                 U"'m", U"'ll", U"'d"};

}  // namespace

ClipWords::ClipWords(std::string_view text) : text_(clip_compose(text)) { clip_lower(text_); }

bool ClipWords::starts_with(std::u32string_view what) const {
  return std::u32string_view(text_).substr(at_, what.size()) == what;
}

// Behind the word that starts at at_.
std::size_t ClipWords::end_of_word() const {
  for (const std::u32string_view contraction : kContractions) {
    if (starts_with(contraction)) return at_ + contraction.size();
  }
  const CharacterClass kind = clip_class(text_[at_]);
  std::size_t end = at_ + 1;
  if (kind == CharacterClass::kNumber) return end;
  const std::size_t limit = at_ < marker_end_ ? marker_end_ : text_.size();
  while (end < limit && clip_class(text_[end]) == kind) ++end;
  return end;
}

bool ClipWords::next(std::string& word) {
  while (at_ < text_.size() && clip_class(text_[at_]) == CharacterClass::kSpace) ++at_;
  if (at_ == text_.size()) return false;
  // A marker in capitals is one only now, and no more than its pieces; but what follows it is not
  // joined to its last sign.
  if (at_ >= marker_end_) {
    for (const std::u32string_view marker : kMarkers) {
      if (starts_with(marker)) marker_end_ = at_ + marker.size();
    }
  }
  const std::size_t end = end_of_word();
  word.clear();
  for (; at_ < end; ++at_) append_utf8(word, text_[at_]);
  return true;
}

}  // namespace loopline::io
