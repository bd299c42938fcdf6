#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace loopline::io {

/// How strong the adapters of a diffusers or PEFT file are. What such a file's tensors leave out,
/// alpha, stands in PEFT's configuration: adapter_config.json, or the metadata
/// "lora_adapter_metadata" of a diffusers file, there as "lora_alpha" or "unet.lora_alpha". Without
/// either diffusers takes alpha = rank.
class LoraAlpha {
 public:
  LoraAlpha() = default;

  /// `config`: JSON. What Loopline does not compute (DoRA, patterns that are regular expressions)
  /// is an Error at `where`.
  LoraAlpha(const std::string& config, const std::string& where);

  /// What multiplies B A of a layer: alpha / rank, or alpha / sqrt(rank) with use_rslora.
  double scale(const std::string& layer, std::int64_t rank) const;

 private:
  std::optional<double> alpha_;
  std::map<std::string, double> of_layers_;  ///< by the end of the layer's name
  bool rank_stabilised_ = false;
};

}  // namespace loopline::io
