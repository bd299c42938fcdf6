#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <unordered_map>

namespace loopline::io {

/// Of a vocabulary or of its merges.
constexpr std::uint64_t kMaxPieceFileBytes = 64 << 20;
constexpr std::size_t kMaxPieces = 1'000'000;

/// A vocabulary file of byte-pair encodings: a JSON object of pieces and their ids, no two the
/// same.
class PieceVocabulary {
 public:
  explicit PieceVocabulary(const std::filesystem::path& file);

  const std::string& where() const { return where_; }
  std::optional<std::int32_t> id_of(const std::string& piece) const;

  /// Nothing where no piece has this id.
  std::optional<std::string> piece_of(std::int64_t id) const;

 private:
  std::string where_;
  std::unordered_map<std::string, std::int32_t> ids_;
  std::unordered_map<std::int64_t, std::string> pieces_;
};

}  // namespace loopline::io
