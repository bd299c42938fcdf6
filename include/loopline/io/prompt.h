#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace loopline::io {

/// One thing to draw. It reaches the rewards whole.
struct Prompt {
  std::string id;  ///< SHA-256 prefix (16 hexadecimal digits) of text and negative text
  std::string text;
  std::string negative;  ///< negative text for guidance; empty: the bundle's unconditional value
  double weight = 1;     ///< relative frequency when prompts are drawn with replacement
  nlohmann::json metadata = nlohmann::json::object();
};

/// A prompt from its text alone.
Prompt make_prompt(std::string text);

/// 64-bit key of a prompt's content, for randomness that does not depend on its position in a file.
std::uint64_t prompt_key(const Prompt& prompt);

/// Reads prompts: one a line (.txt; blank lines and lines starting with # are skipped) or one JSON
/// object a line (.jsonl; `text` or `prompt` required, `negative`, `weight`, `id` optional,
/// everything else is metadata). Duplicate texts are kept. An empty list or a bad line is an Error
/// with the line number.
std::vector<Prompt> read_prompts(const std::filesystem::path& path);

}  // namespace loopline::io
