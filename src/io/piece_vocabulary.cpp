#include "piece_vocabulary.h"

#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/io/json.h"

namespace loopline::io {
namespace {

bool is_id(const nlohmann::json& value) {
  return value.is_number_unsigned() && value.get<std::uint64_t>() < kMaxPieces;
}

}  // namespace

PieceVocabulary::PieceVocabulary(const std::filesystem::path& file) : where_(file.string()) {
  const nlohmann::json json = parse_json(read_file(file, kMaxPieceFileBytes), where_);
  if (!json.is_object()) throw Error(where_, "must be an object of pieces and their ids");
  if (json.size() > kMaxPieces) {
    throw Error(where_, "has more than " + std::to_string(kMaxPieces) + " pieces");
  }
  for (const auto& [piece, id] : json.items()) {
    if (!is_id(id)) {
      throw Error(where_, "the id of \"" + piece + "\" must be a whole number from 0 to " +
                              std::to_string(kMaxPieces - 1));
    }
    const auto number = id.get<std::int32_t>();
    ids_.emplace(piece, number);
    const auto [holder, is_new] = pieces_.emplace(number, piece);
    if (!is_new) {
      throw Error(where_, "\"" + holder->second + "\" and \"" + piece + "\" have the same id, " +
                              std::to_string(number));
    }
  }
}

std::optional<std::int32_t> PieceVocabulary::id_of(const std::string& piece) const {
  const auto found = ids_.find(piece);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

std::optional<std::string> PieceVocabulary::piece_of(std::int64_t id) const {
  const auto found = pieces_.find(id);
  if (found == pieces_.end()) return std::nullopt;
  return found->second;
}

}  // namespace loopline::io
