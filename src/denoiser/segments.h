#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "loopline/tensor/precision.h"
#include "loopline/tensor/script_module.h"

namespace loopline::denoiser {

/// A network in pieces: the first method is called on forward's arguments, each further one on what
/// the one before returned.
struct Segments {
  std::shared_ptr<const tensor::ScriptModule> module;
  std::vector<std::string> methods;
  std::string file;  ///< for errors
  at::Device device;
  tensor::Precision precision = tensor::Precision::kFloat32;
  std::optional<std::int64_t> output_index{};
};

/// What forward returns, recording gradients at the price of a second computation: of each segment
/// but the last only the inputs are kept, and in the backward pass it is computed again from them
/// (gradient checkpointing, Chen et al. 2016, arXiv 1604.06174). Parameters and buffers must still
/// hold then what they hold now. Their gradients go to .grad within backward(), so that
/// autograd::grad() with respect to parameters does not see them.
at::Tensor forward_recomputed(const Segments& segments, const std::vector<at::Tensor>& arguments);

}  // namespace loopline::denoiser
