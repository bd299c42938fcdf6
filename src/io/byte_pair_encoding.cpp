#include "byte_pair_encoding.h"

#include <queue>
#include <tuple>

#include "clip_unicode.h"
#include "loopline/core/error.h"
#include "loopline/core/files.h"

namespace loopline::io {
namespace {

constexpr std::size_t kMostKnownWords = 10'000;
constexpr std::size_t kLongestKnownWord = 64;  // bytes

constexpr bool is_printable(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

/// How bytes are written in a vocabulary: printable ones of Latin-1 as themselves, the others, in
/// their order, as U+0100 and up.
std::array<std::string, 256> byte_alphabet() {
  std::array<std::string, 256> alphabet;
  char32_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    append_utf8(alphabet[byte], is_printable(byte) ? static_cast<char32_t>(byte) : next++);
  }
  return alphabet;
}

std::uint64_t pair_key(std::int32_t left, std::int32_t right) {
  return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
}

/// A piece of a word in the making. Position p of a word always belongs to the piece that starts
/// there or is gone.
struct Piece {
  static constexpr std::size_t kNone = SIZE_MAX;
  std::int32_t id;
  std::size_t previous, next;
  bool is_gone = false;
};

struct Candidate {
  std::size_t rank;
  std::size_t position;  // of the left piece
  std::int32_t id;       // of the whole
  bool operator>(const Candidate& other) const {
    return std::tie(rank, position) > std::tie(other.rank, other.position);
  }
};

}  // namespace

BytePairEncoding::BytePairEncoding(const PieceVocabulary& vocabulary,
                                   const std::filesystem::path& merges, std::int32_t unknown_id) {
  const std::array<std::string, 256> alphabet = byte_alphabet();
  for (std::size_t byte = 0; byte < alphabet.size(); ++byte) {
    inner_ids_[byte] = vocabulary.id_of(alphabet[byte]).value_or(unknown_id);
    last_ids_[byte] = vocabulary.id_of(alphabet[byte] + "</w>").value_or(unknown_id);
  }
  read_merges(vocabulary, merges);
}

void BytePairEncoding::read_merges(const PieceVocabulary& vocabulary,
                                   const std::filesystem::path& file) {
  const std::string text = read_file(file, kMaxPieceFileBytes);
  std::size_t number = 0;
  for (std::size_t begin = 0, end = 0; begin < text.size(); begin = end + 1) {
    end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.pop_back();
    ++number;
    if (line.starts_with("#version")) continue;
    const std::string where = file.string() + ":" + std::to_string(number);
    const std::size_t space = line.find(' ');
    if (space == 0 || space == line.npos || space + 1 == line.size() ||
        line.find(' ', space + 1) != line.npos) {
      throw Error(where, "\"" + line + "\" must be two pieces with one space between them");
    }
    const std::string left = line.substr(0, space), right = line.substr(space + 1);
    const auto known = [&](const std::string& piece) {
      if (const auto id = vocabulary.id_of(piece)) return *id;
      throw Error(where, "the piece \"" + piece + "\" is not in " + vocabulary.where());
    };
    const std::uint64_t key = pair_key(known(left), known(right));
    if (!merges_.emplace(key, Merge{number, known(left + right)}).second) {
      throw Error(where, "\"" + line + "\" stands in an earlier line as well");
    }
    if (merges_.size() > kMaxPieces) {
      throw Error(where, "more than " + std::to_string(kMaxPieces) + " merges");
    }
  }
}

const BytePairEncoding::Merge* BytePairEncoding::merge_of(std::int32_t left,
                                                          std::int32_t right) const {
  const auto found = merges_.find(pair_key(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

std::vector<std::int32_t> BytePairEncoding::encode(const std::string& word) const {
  if (word.size() > kLongestKnownWord) return merged(word);
  const std::lock_guard lock(mutex_);
  const auto found = known_words_.find(word);
  if (found != known_words_.end()) return found->second;
  if (known_words_.size() == kMostKnownWords) known_words_.clear();
  return known_words_[word] = merged(word);
}

std::vector<std::int32_t> BytePairEncoding::merged(std::string_view word) const {
  std::vector<Piece> pieces;
  pieces.reserve(word.size());
  for (std::size_t i = 0; i < word.size(); ++i) {
    const bool is_last = i + 1 == word.size();
    const auto byte = static_cast<unsigned char>(word[i]);
    pieces.push_back({is_last ? last_ids_[byte] : inner_ids_[byte], i == 0 ? Piece::kNone : i - 1,
                      is_last ? Piece::kNone : i + 1});
  }

  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> candidates;
  const auto consider = [&](std::size_t position) {
    if (position == Piece::kNone || pieces[position].next == Piece::kNone) return;
    const Merge* merge = merge_of(pieces[position].id, pieces[pieces[position].next].id);
    if (merge) candidates.push({merge->rank, position, merge->id});
  };
  for (std::size_t i = 0; i < pieces.size(); ++i) consider(i);
  while (!candidates.empty()) {
    const Candidate best = candidates.top();
    candidates.pop();
    Piece& left = pieces[best.position];
    if (left.is_gone || left.next == Piece::kNone) continue;
    Piece& right = pieces[left.next];
    const Merge* merge = merge_of(left.id, right.id);
    if (!merge || merge->id != best.id) continue;  // one of them has changed meanwhile
    left.id = best.id;
    left.next = right.next;
    right.is_gone = true;
    if (right.next != Piece::kNone) pieces[right.next].previous = best.position;
    consider(left.previous);
    consider(best.position);
  }

  std::vector<std::int32_t> ids;
  for (const Piece& piece : pieces) {
    if (!piece.is_gone) ids.push_back(piece.id);
  }
  return ids;
}

}  // namespace loopline::io
