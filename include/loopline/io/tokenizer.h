#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace loopline::io {

/// The `tokenizer` object of a manifest; see docs/bundles.md.
struct TokenizerSpec {
  std::string kind;                     ///< "word" or "clip_bpe"
  std::filesystem::path file;           ///< word: absolute path of the vocabulary
  std::filesystem::path vocab, merges;  ///< clip_bpe: absolute paths
  std::optional<std::int64_t> bos_id, eos_id;
  std::int64_t length = 0;
  std::int64_t pad_id = 0;
};

/// Text to a fixed number of ids.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  /// Exactly `length` ids. A word that cannot be encoded is an Error that names it and the nearest
  /// known one.
  virtual std::vector<std::int64_t> encode(const std::string& text) const = 0;
};

/// Loads the files that the spec names. An unsupported kind is an Error.
std::unique_ptr<Tokenizer> load_tokenizer(const TokenizerSpec& spec);

}  // namespace loopline::io
