#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "piece_vocabulary.h"

namespace loopline::io {

/// Byte-pair encoding of words (Sennrich et al. 2016, over bytes as in GPT-2): a word is the pieces
/// of its bytes, the last one marked by "</w>"; then, as long as two neighbours have a merge, the
/// pair of the lowest rank, the first of equals, becomes one piece.
class BytePairEncoding {
 public:
  /// `merges` has two pieces a line, a line's number being their rank; a line that begins with
  /// "#version" is none. `unknown_id` stands for a byte without a piece.
  BytePairEncoding(const PieceVocabulary& vocabulary, const std::filesystem::path& merges,
                   std::int32_t unknown_id);

  /// The ids of a word of at least one byte. In a time of n log n; thread-safe.
  std::vector<std::int32_t> encode(const std::string& word) const;

 private:
  struct Merge {
    std::size_t rank;
    std::int32_t id;
  };

  void read_merges(const PieceVocabulary& vocabulary, const std::filesystem::path& file);
  const Merge* merge_of(std::int32_t left, std::int32_t right) const;
  std::vector<std::int32_t> merged(std::string_view word) const;

  std::array<std::int32_t, 256> inner_ids_, last_ids_;  // of a byte, by its place in the word
  std::unordered_map<std::uint64_t, Merge> merges_;
  mutable std::mutex mutex_;
  mutable std::unordered_map<std::string, std::vector<std::int32_t>> known_words_;
};

}  // namespace loopline::io
