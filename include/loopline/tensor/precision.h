#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <string>

namespace loopline::tensor {

/// What a network computes in. Latents, log-probabilities, losses and trainable weights are float32
/// whatever is chosen here.
enum class Precision { kFloat32, kBFloat16 };

/// "fp32", "bf16" or "auto": bf16 where the hardware computes in it (CPU: cpu_has_bf16(); CUDA:
/// compute capability 8.0 and later), else fp32. bf16 asked for by name works on any device, in
/// software and slowly where the hardware lacks it. "fp16" is an Error that gives the reason.
Precision parse_precision(const std::string& name, c10::Device device);

/// "fp32", "bf16".
std::string to_string(Precision precision);

/// While it lives, this thread's operators on `device` choose their precision (LibTorch's
/// autocast); with kFloat32 nothing changes. Meant for a network's forward pass alone, never for an
/// optimiser's step: the backward pass follows what the forward recorded.
class AutocastScope {
 public:
  AutocastScope(c10::Device device, Precision precision);
  ~AutocastScope();
  AutocastScope(const AutocastScope&) = delete;
  AutocastScope& operator=(const AutocastScope&) = delete;

 private:
  c10::DeviceType type_;
  bool active_, was_enabled_ = false;
  c10::ScalarType was_dtype_ = c10::ScalarType::Undefined;
};

}  // namespace loopline::tensor
