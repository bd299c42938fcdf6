#pragma once

#include "loopline/io/model_bundle.h"

namespace loopline::io {

/// What `reward.json` says (docs/bundles.md), validated, with absolute paths.

struct RewardInput {
  enum class Kind { kImages, kTokens, kMetadata };
  Kind kind = Kind::kImages;
  std::string key, dtype;           ///< metadata
  std::vector<std::int64_t> shape;  ///< metadata
};

struct RewardBundle {
  std::filesystem::path directory;
  std::string name;
  std::filesystem::path model;
  ImageSpec image;      ///< data_range defaults to [0, 1]
  bool resize = false;  ///< bilinear, antialiased; false: images must have this size
  std::vector<RewardInput> inputs;
  std::optional<TokenizerSpec> tokenizer;
  std::optional<std::int64_t> output_index;
  std::vector<std::string> components;
  std::int64_t total = 0;             ///< index into components
  std::optional<std::int64_t> valid;  ///< index into components
  nlohmann::json provenance = nlohmann::json::object();
  std::string hash;
};

RewardBundle parse_reward_bundle(const std::string& text, const std::filesystem::path& directory);
RewardBundle load_reward_bundle(const std::filesystem::path& directory);

}  // namespace loopline::io
