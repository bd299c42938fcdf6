#include "loopline/denoiser/reference.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <vector>

#include "loopline/denoiser/adapters.h"
#include "loopline/denoiser/exchange.h"

namespace loopline::denoiser {
namespace {

bool only_adapters(const Denoiser& denoiser, const tensor::NamedTensors& trainable) {
  return !denoiser.adapter_scales().empty() &&
         std::all_of(trainable.begin(), trainable.end(),
                     [](const auto& entry) { return is_adapter(entry.first); });
}

/// While it lives, the adapters of a network are off.
class AdaptersOff {
 public:
  explicit AdaptersOff(const Denoiser& denoiser) : scales_(denoiser.adapter_scales()) {
    for (at::Tensor& scale : scales_) {
      own_.push_back(scale.clone());
      scale.zero_();
    }
  }
  ~AdaptersOff() {
    at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < scales_.size(); ++i) scales_[i].copy_(own_[i]);
  }
  AdaptersOff(const AdaptersOff&) = delete;
  AdaptersOff& operator=(const AdaptersOff&) = delete;

 private:
  std::vector<at::Tensor> scales_, own_;
};

}  // namespace

Reference::Reference(Denoiser& denoiser, const tensor::NamedTensors& trainable)
    : denoiser_(denoiser), trainable_(trainable) {
  if (only_adapters(denoiser, trainable)) return;
  for (const auto& [name, parameter] : trainable) copy_.emplace(name, parameter.detach().clone());
}

at::Tensor Reference::predict_guided(const at::Tensor& latents, const at::Tensor& timesteps,
                                     const Condition& conditional, const Condition& unconditional,
                                     double weight) {
  at::NoGradGuard no_grad;
  const auto predict = [&] {
    return denoiser::predict_guided(denoiser_, latents, timesteps, conditional, unconditional,
                                    weight);
  };
  if (switches_adapters_off()) {
    const AdaptersOff off(denoiser_);
    return predict();
  }
  const Exchange exchange(trainable_, copy_);
  return predict();
}

std::int64_t Reference::copied_bytes() const {
  std::int64_t bytes = 0;
  for (const auto& [name, tensor] : copy_) bytes += static_cast<std::int64_t>(tensor.nbytes());
  return bytes;
}

}  // namespace loopline::denoiser
