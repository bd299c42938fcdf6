#pragma once

#include <map>
#include <string>

#include "loopline/io/model_bundle.h"
#include "loopline/tensor/tensor_file.h"

namespace loopline::denoiser {

/// One low-rank adapter of a network: it adds adapter_scale() B A to the weight of its layer.
struct Adapter {
  std::string down_name, up_name;  ///< of the network's parameters
  at::Tensor down;                 ///< A, [rank, in]; of a convolution [rank, in, height, width]
  at::Tensor up;                   ///< B, [out, rank]; of a convolution [out, rank, 1, 1]
};

/// A bundle's adapters by the layer that they belong to ("mid_block.attn2.to_q"). `parameters`: all
/// of the network, which the adapters share storage with; `trainable.names` of the manifest is
/// applied before a name is read. Empty without `adapter` in the manifest. A manifest that the
/// network contradicts is an Error.
std::map<std::string, Adapter> find_adapters(const io::ModelBundle& bundle,
                                             const tensor::NamedTensors& parameters);

/// alpha / rank, as the manifest's `adapter`, which must be there, says.
double adapter_scale(const io::ModelBundle& bundle);

/// Whether a network's parameter is part of an adapter, by PEFT's names
/// ("LAYER.lora_A.default.weight").
bool is_adapter(const std::string& parameter);

/// The name under which a parameter of the bundle's network is exported.
std::string exported_name(const io::ModelBundle& bundle, const std::string& parameter);

}  // namespace loopline::denoiser
