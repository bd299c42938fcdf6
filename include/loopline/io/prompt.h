#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace loopline::io {

/// One thing to draw. It reaches the rewards whole.
struct Prompt {
  std::string id;  ///< SHA-256 prefix (16 hexadecimal digits) of text, negative text, metadata
  std::string text;
  std::string negative;  ///< negative text for guidance; empty: the bundle's unconditional value
  double weight = 1;     ///< relative frequency when prompts are drawn with replacement
  nlohmann::json metadata = nlohmann::json::object();
};

/// A prompt of weight 1 from its content.
Prompt make_prompt(std::string text, std::string negative = "",
                   nlohmann::json metadata = nlohmann::json::object());

/// 64-bit key of a prompt's content, for randomness that does not depend on its position in a file.
std::uint64_t prompt_key(const Prompt& prompt);

/// Reads prompts. An empty list and whatever is wrong are Errors with file and line. By the file's
/// ending:
///
/// .txt: one a line; blank lines and lines starting with # are skipped. Duplicates are kept.
///
/// .jsonl: one JSON object a line; `text` or `prompt` required, `negative`, `weight`, `id`
/// optional, everything else is metadata. Duplicates are kept.
///
/// .yaml, .yml: templates, each a text with slots, expanded to all combinations of their values:
///
///     templates:
///       - a {colour} {shape} and a {colour} {shape}
///       - {text: "a {shape}", weight: 3}  # each of its prompts is drawn three times as often
///     slots: {colour: [red, blue], shape: [circle, square]}
///     distinct: [colour]  # optional: within a prompt, its values differ from place to place
///     negative: blurry    # optional: of all prompts, as it stands
///
/// Order: templates as in the file; of a template's slots, from left to right, the last turns
/// fastest, through its values as in the file. `{{` and `}}` in a template are braces. Metadata
/// holds the values of the slots that occur: {"colour": ["red", "blue"], "shape": ["circle",
/// "circle"]}. The same text twice, a value twice in a slot, a slot that is unknown, unused or
/// empty are Errors.
///
/// More than 1,000,000 prompts are an Error, whatever the file; docs/security.md has all limits.
std::vector<Prompt> read_prompts(const std::filesystem::path& path);

/// `wanted` of the prompts, spread evenly over the list, in its order; all when there are not more.
std::vector<Prompt> spread(const std::vector<Prompt>& prompts, std::int64_t wanted);

}  // namespace loopline::io
