#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace loopline::io {

/// Names of low-rank adapters (LoRA), in networks and in files. An adapter belongs to a layer and
/// adds (alpha / rank) B A to that layer's weight:
///
///   a network by PEFT    down_blocks.1.attn2.to_q.lora_A.default.weight, .lora_B.default.weight
///   diffusers, PEFT      unet.down_blocks.1.attn2.to_q.lora_A.weight, .lora_B.weight
///   diffusers, earlier   unet.down_blocks.1.attn2.to_q.lora.down.weight, .lora.up.weight
///   kohya                lora_unet_down_blocks_1_attn2_to_q.lora_down.weight, .lora_up.weight,
///   .alpha
///
/// A diffusers or PEFT file keeps no alpha in its tensors: see lora_alpha.h.

enum class LoraPart {
  kDown,   ///< A, [rank, in]
  kUp,     ///< B, [out, rank]
  kAlpha,  ///< a number, in kohya's files alone
};

struct LoraName {
  std::string layer;  ///< "down_blocks.1.attn2.to_q"; kohya's: "down_blocks_1_attn2_to_q"
  LoraPart part = LoraPart::kDown;
  bool operator==(const LoraName&) const = default;
};

/// A network's parameter or a key of a diffusers or PEFT file, with or without the prefixes
/// "base_model.model." and "unet.". Nothing: it is none of an adapter.
std::optional<LoraName> parse_peft_lora(std::string_view name);

/// A key of kohya's. Its layer has lost its dots: compare it with kohya_layer() of what there is.
std::optional<LoraName> parse_kohya_lora(std::string_view key);

/// Of a layer with dots, and of A or B.
std::string diffusers_lora_key(const LoraName& name);

/// Of a layer with dots.
std::string kohya_lora_key(const LoraName& name);
std::string kohya_layer(std::string layer);

/// Whether a key of either kind is of a text encoder's adapter.
bool is_text_encoder_lora(std::string_view key);

/// What a parameter is called where there are no adapters: "unet." and the ".base_layer" of adapted
/// layers go.
std::string unadapted_name(std::string_view name);

}  // namespace loopline::io
