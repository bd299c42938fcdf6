#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>

namespace loopline::train {

/// What a LoRA file holds for one layer, in float32.
struct LoraLayer {
  at::Tensor down, up;  ///< A [rank, in, ...], B [out, rank, ...]
  double scale = 1;     ///< of B A: alpha / rank
};

/// By the names that the file has: diffusers' ("mid_block.attn2.to_q") or kohya's, without dots. A
/// file is of one kind.
struct LoraLayers {
  std::map<std::string, LoraLayer> layers;
  bool kohya = false;
};

/// Reads and checks a file by itself, whatever network it is for.
LoraLayers read_lora_layers(const std::filesystem::path& path);

}  // namespace loopline::train
