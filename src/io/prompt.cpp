#include "loopline/io/prompt.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <system_error>

#include "json_fields.h"
#include "limits.h"
#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/core/text.h"
#include "prompt_template.h"

namespace loopline::io {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kIdDigits = 16;
constexpr std::uint64_t kMaxPromptFileBytes = 256 << 20;
constexpr std::uint64_t kMaxTemplateFileBytes = 1 << 20;
constexpr std::size_t kMaxLineBytes = 16 << 20;

std::string content_hash(const Prompt& prompt) {
  std::string content = prompt.text;
  content += '\0';  // "ab" + "c" is not "a" + "bc"
  content += prompt.negative;
  // Two classes may share a text. Without metadata a prompt is the same from any kind of file.
  if (!prompt.metadata.empty()) content += '\0' + prompt.metadata.dump();
  return sha256(content);
}

// Prompts end up in JSON files, which hold nothing else.
void check_utf8(const std::string& text, const std::string& where) {
  try {
    (void)nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    throw Error(where, "the text is not valid UTF-8");
  }
}

Prompt text_prompt(const std::string& line, const std::string& where) {
  check_utf8(line, where);
  return make_prompt(line);
}

Prompt json_prompt(const std::string& line, const std::string& where) {
  const nlohmann::json json = parse_json(line, where);
  JsonFields fields(json, where);
  const bool has_prompt = fields.has("prompt");
  if (has_prompt && fields.has("text")) {
    fields.fail("prompt", "stands beside text, its other name", "keep one");
  }
  nlohmann::json metadata = nlohmann::json::object();
  for (const auto& item : json.items()) {
    const std::string& key = item.key();
    const bool is_field =
        key == "prompt" || key == "text" || key == "negative" || key == "weight" || key == "id";
    if (!is_field) metadata[key] = item.value();
  }
  std::string text = fields.any_text(has_prompt ? "prompt" : "text");
  std::string negative = fields.has("negative") ? fields.any_text("negative") : "";
  Prompt prompt = make_prompt(std::move(text), std::move(negative), std::move(metadata));
  prompt.weight = fields.number_or("weight", prompt.weight, above(0));
  if (fields.has("id")) prompt.id = fields.text("id");
  return prompt;
}

// Calls `use` with each line that holds something, trimmed, and its place.
void for_each_line(const std::string& text, const fs::path& path,
                   const std::function<void(const std::string&, const std::string&)>& use) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  std::size_t begin = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  for (std::int64_t number = 1; begin < text.size(); ++number) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const bool is_too_long = end - begin > kMaxLineBytes;
    const std::string line = trimmed(text.substr(begin, is_too_long ? 1 : end - begin));
    begin = end + 1;
    if (line.empty() && !is_too_long) continue;
    const std::string place = path.string() + ":" + std::to_string(number);
    if (is_too_long) throw Error(place, "a line of more than 16 MiB");
    use(line, place);
  }
}

}  // namespace

Prompt make_prompt(std::string text, std::string negative, nlohmann::json metadata) {
  Prompt prompt;
  prompt.text = std::move(text);
  prompt.negative = std::move(negative);
  prompt.metadata = std::move(metadata);
  prompt.id = content_hash(prompt).substr(0, kIdDigits);
  return prompt;
}

std::uint64_t prompt_key(const Prompt& prompt) {
  const std::string digits = content_hash(prompt).substr(0, 16);
  std::uint64_t key = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), key, 16);
  return key;
}

std::vector<Prompt> read_prompts(const fs::path& path) {
  const std::string kind = path.extension().string();
  const bool has_templates = kind == ".yaml" || kind == ".yml";
  if (kind != ".txt" && kind != ".jsonl" && !has_templates) {
    throw Error(path.string(), "prompts come from .txt, .jsonl or .yaml files");
  }
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) throw Error(path.string(), "no such file");
  const std::string content =
      read_file(path, has_templates ? kMaxTemplateFileBytes : kMaxPromptFileBytes);
  if (has_templates) {
    check_utf8(content, path.string());
    return expand_templates(content, path);
  }
  std::vector<Prompt> prompts;
  for_each_line(content, path, [&](const std::string& line, const std::string& where) {
    if (prompts.size() == kMaxPrompts)
      throw Error(where, "more than " + std::to_string(kMaxPrompts) + " prompts");
    if (kind == ".jsonl") {
      prompts.push_back(json_prompt(line, where));
    } else if (line[0] != '#') {
      prompts.push_back(text_prompt(line, where));
    }
  });
  if (prompts.empty()) throw Error(path.string(), "holds no prompt");
  return prompts;
}

std::vector<Prompt> spread(const std::vector<Prompt>& prompts, std::int64_t wanted) {
  const auto count = static_cast<std::int64_t>(prompts.size());
  const std::int64_t kept = std::min(count, wanted);
  std::vector<Prompt> result;
  for (std::int64_t i = 0; i < kept; ++i) {
    result.push_back(prompts[static_cast<std::size_t>(i * count / kept)]);
  }
  return result;
}

}  // namespace loopline::io
