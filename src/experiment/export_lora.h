#pragma once

#include "loopline/tensor/tensor_file.h"
#include "trained_network.h"

namespace loopline::experiment {

/// A network's adapters as other programs read them, float32. Names: loopline/io/lora_names.h. A
/// network without adapters, or with other weights that differ from the base model's, is an Error:
/// such a file would not hold the network.

/// As diffusers loads them, which takes alpha = rank: B is multiplied by the adapters' scale.
tensor::NamedTensors diffusers_lora(const TrainedNetwork& network);

/// As ComfyUI and A1111 load them, alpha beside A and B.
tensor::NamedTensors kohya_lora(const TrainedNetwork& network);

/// All parameters under the names that they have without adapters, these added to the weights of
/// their layers.
tensor::NamedTensors merged_state(const TrainedNetwork& network);

}  // namespace loopline::experiment
