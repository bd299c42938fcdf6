#pragma once

#include "loopline/tensor/tensor_file.h"

namespace loopline::denoiser {

/// While it lives, parameters hold other values: the storage is exchanged, nothing is copied, and
/// the parameters' own values are back afterwards. No graph that was recorded outside may run
/// backward meanwhile.
class Exchange {
 public:
  /// `values` has the names, shapes and dtypes of `parameters`, on their device.
  Exchange(const tensor::NamedTensors& parameters, const tensor::NamedTensors& values);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

 private:
  std::vector<std::pair<at::Tensor, at::Tensor>> own_;  ///< parameter, its value
};

}  // namespace loopline::denoiser
