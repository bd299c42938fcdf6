#include "clip_tokenizer.h"

#include <algorithm>
#include <map>

#include "byte_pair_encoding.h"
#include "clip_text.h"
#include "clip_unicode.h"
#include "loopline/core/error.h"
#include "piece_vocabulary.h"

namespace loopline::io {
namespace {

constexpr char kStart[] = "<|startoftext|>";
constexpr char kEnd[] = "<|endoftext|>";

std::int32_t require_piece(const PieceVocabulary& vocabulary, const std::string& piece) {
  const auto id = vocabulary.id_of(piece);
  if (!id) throw Error(vocabulary.where(), "has no piece \"" + piece + "\"");
  return *id;
}

/// What stands for itself in a prompt, before anything is done to the text: as in transformers the
/// two markers and the pieces that begin, end and pad the ids.
class SpecialPieces {
 public:
  SpecialPieces(const PieceVocabulary& vocabulary, const TokenizerSpec& spec) {
    add(kStart, require_piece(vocabulary, kStart));
    add(kEnd, require_piece(vocabulary, kEnd));
    add_id(vocabulary, "pad_id", spec.pad_id);
    if (spec.bos_id) add_id(vocabulary, "bos_id", *spec.bos_id);
    if (spec.eos_id) add_id(vocabulary, "eos_id", *spec.eos_id);
  }

  struct Match {
    std::size_t at, size;
    std::int64_t id;
  };

  /// The first one at or after `from`, the longest of those that start there; else an empty one at
  /// the end of the text.
  Match find(const std::string& text, std::size_t from) const {
    for (std::size_t at = from; at < text.size(); ++at) {
      for (const auto& [piece, id] : pieces_) {
        if (text.compare(at, piece.size(), piece) == 0) return {at, piece.size(), id};
      }
    }
    return {text.size(), 0, 0};
  }

 private:
  struct LongestFirst {
    bool operator()(const std::string& a, const std::string& b) const {
      return a.size() != b.size() ? a.size() > b.size() : a < b;
    }
  };

  void add(const std::string& piece, std::int64_t id) {
    if (!piece.empty()) pieces_.emplace(piece, id);
  }

  void add_id(const PieceVocabulary& vocabulary, const std::string& name, std::int64_t id) {
    const auto piece = vocabulary.piece_of(id);
    if (!piece) {
      throw Error(vocabulary.where(),
                  "no piece has the id " + std::to_string(id) + ", the manifest's " + name);
    }
    add(*piece, id);
  }

  std::map<std::string, std::int64_t, LongestFirst> pieces_;
};

class ClipTokenizer : public Tokenizer {
 public:
  ClipTokenizer(const TokenizerSpec& spec, const PieceVocabulary& vocabulary)
      : spec_(spec),
        special_(vocabulary, spec),
        encoding_(vocabulary, spec.merges, require_piece(vocabulary, kEnd)) {}

  std::vector<std::int64_t> encode(const std::string& text) const override {
    if (!is_utf8(text)) throw Error("prompt \"" + text + "\"", "the text is not valid UTF-8");
    const auto length = static_cast<std::size_t>(spec_.length);
    const std::size_t room = length - (spec_.eos_id ? 1 : 0);
    std::vector<std::int64_t> ids;
    if (spec_.bos_id) ids.push_back(*spec_.bos_id);
    for (std::size_t at = 0; at < text.size() && ids.size() < room;) {
      const SpecialPieces::Match special = special_.find(text, at);
      append_words(text.substr(at, special.at - at), room, ids);
      if (special.size > 0) ids.push_back(special.id);
      at = special.at + special.size;
    }
    ids.resize(std::min(ids.size(), room));
    if (spec_.eos_id) ids.push_back(*spec_.eos_id);
    ids.resize(length, spec_.pad_id);
    return ids;
  }

 private:
  /// Stops behind the word that fills the room.
  void append_words(const std::string& text, std::size_t room,
                    std::vector<std::int64_t>& ids) const {
    ClipWords words(text);
    for (std::string word; ids.size() < room && words.next(word);) {
      const std::vector<std::int32_t> pieces = encoding_.encode(word);
      ids.insert(ids.end(), pieces.begin(), pieces.end());
    }
  }

  TokenizerSpec spec_;
  SpecialPieces special_;
  BytePairEncoding encoding_;
};

}  // namespace

std::unique_ptr<Tokenizer> load_clip_tokenizer(const TokenizerSpec& spec) {
  return std::make_unique<ClipTokenizer>(spec, PieceVocabulary(spec.vocab));
}

}  // namespace loopline::io
