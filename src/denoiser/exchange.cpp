#include "loopline/denoiser/exchange.h"

#include <ATen/ATen.h>

#include "loopline/core/error.h"

namespace loopline::denoiser {

Exchange::Exchange(const tensor::NamedTensors& parameters, const tensor::NamedTensors& values) {
  for (const auto& [name, parameter] : parameters) {
    const at::Tensor& value = values.at(name);
    LOOPLINE_CHECK(value.sizes() == parameter.sizes() && value.dtype() == parameter.dtype(),
                   "other values of the same parameters");
    own_.emplace_back(parameter, parameter.detach());
    parameter.set_data(value);
  }
}

Exchange::~Exchange() {
  for (auto& [parameter, value] : own_) parameter.set_data(value);
}

}  // namespace loopline::denoiser
