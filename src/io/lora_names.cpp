#include "loopline/io/lora_names.h"

#include <algorithm>

namespace loopline::io {
namespace {

constexpr std::string_view kKohyaUnet = "lora_unet_";

bool drop_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool drop_suffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

std::string_view without_prefixes(std::string_view name) {
  drop_prefix(name, "base_model.model.");
  drop_prefix(name, "unet.");
  return name;
}

std::string_view last_part(std::string_view name) {
  return name.substr(name.rfind('.') + 1);  // npos + 1 is 0: the whole
}

std::optional<LoraPart> part_of(std::string_view word) {
  if (word == "lora_A") return LoraPart::kDown;
  if (word == "lora_B") return LoraPart::kUp;
  return std::nullopt;
}

}  // namespace

std::optional<LoraName> parse_peft_lora(std::string_view name) {
  name = without_prefixes(name);
  const bool weight = drop_suffix(name, ".weight");
  if (weight && drop_suffix(name, ".lora.down"))
    return LoraName{std::string(name), LoraPart::kDown};
  if (weight && drop_suffix(name, ".lora.up")) return LoraName{std::string(name), LoraPart::kUp};
  std::string_view word = last_part(name);
  if (weight && !part_of(word) && word.size() < name.size()) {  // the adapter's name: "default"
    name.remove_suffix(word.size() + 1);
    word = last_part(name);
  }
  const auto part = part_of(word);
  if (!part || word.size() == name.size()) return std::nullopt;
  name.remove_suffix(word.size() + 1);
  return LoraName{std::string(name), *part};
}

std::optional<LoraName> parse_kohya_lora(std::string_view key) {
  if (!drop_prefix(key, kKohyaUnet)) return std::nullopt;
  for (const auto& [suffix, part] : {std::pair{".lora_down.weight", LoraPart::kDown},
                                     {".lora_up.weight", LoraPart::kUp},
                                     {".alpha", LoraPart::kAlpha}}) {
    if (drop_suffix(key, suffix)) return LoraName{std::string(key), part};
  }
  return std::nullopt;
}

std::string diffusers_lora_key(const LoraName& name) {
  return "unet." + name.layer + (name.part == LoraPart::kDown ? ".lora_A" : ".lora_B") + ".weight";
}

std::string kohya_layer(std::string layer) {
  std::replace(layer.begin(), layer.end(), '.', '_');
  return layer;
}

std::string kohya_lora_key(const LoraName& name) {
  const std::string start = std::string(kKohyaUnet) + kohya_layer(name.layer);
  if (name.part == LoraPart::kAlpha) return start + ".alpha";
  return start + (name.part == LoraPart::kDown ? ".lora_down.weight" : ".lora_up.weight");
}

bool is_text_encoder_lora(std::string_view key) {
  drop_prefix(key, "base_model.model.");
  return key.starts_with("text_encoder") || key.starts_with("lora_te");
}

std::string unadapted_name(std::string_view name) {
  drop_prefix(name, "unet.");
  constexpr std::string_view kBase = ".base_layer";
  std::string plain(name);
  const std::size_t last_dot = plain.rfind('.');
  if (last_dot != std::string::npos &&
      std::string_view(plain).substr(0, last_dot).ends_with(kBase)) {
    plain.erase(last_dot - kBase.size(), kBase.size());
  }
  return plain;
}

}  // namespace loopline::io
