#pragma once

#include <filesystem>
#include <string>

#include "loopline/io/model_bundle.h"
#include "loopline/tensor/tensor_file.h"

namespace loopline::train {

/// A bundle's adapters, set to what a LoRA file makes of the network.
struct LoraWeights {
  tensor::NamedTensors tensors;  ///< under the names of the network's parameters, float32
  std::string summary;           ///< a line for the log: how many layers, of what rank
};

/// Reads a safetensors file with adapters as diffusers, PEFT or kohya's scripts name them (see
/// loopline/io/lora_names.h) and fits them to a bundle's. Every layer gets the file's
/// (alpha / rank) B A: B is multiplied by the quotient of the file's scale and the bundle's. Where
/// the file's rank is lower, its A is followed by the bundle's own rows and its B by zeros, so that
/// the further ranks change nothing at first and can be trained. Layers that the file does not have
/// stay as in the bundle and are counted in the summary.
///
/// `parameters`: all of the bundle's network. Errors: no adapters in the bundle, a layer that it
/// lacks, a rank above its own, another shape, adapters of a text encoder, a tensor of no LoRA or
/// of another kind (DoRA, LoHa), a number that is not finite.
LoraWeights read_lora_file(const std::filesystem::path& path, const io::ModelBundle& bundle,
                           const tensor::NamedTensors& parameters);

}  // namespace loopline::train
