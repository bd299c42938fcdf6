#include "loopline/tensor/precision.h"

#include <ATen/autocast_mode.h>

#include "loopline/core/error.h"
#include "loopline/tensor/device.h"

namespace loopline::tensor {

Precision parse_precision(const std::string& name, c10::Device device) {
  if (name == "fp32") return Precision::kFloat32;
  if (name == "bf16") return Precision::kBFloat16;
  if (name == "auto") return has_bf16(device) ? Precision::kBFloat16 : Precision::kFloat32;
  if (name == "fp16") {
    throw Error("precision",
                "fp16 is refused: its gradients vanish without loss scaling, which this version "
                "does not do",
                "use bf16");
  }
  throw Error("precision", "\"" + name + "\" is no precision", "use auto, fp32 or bf16");
}

std::string to_string(Precision precision) {
  return precision == Precision::kBFloat16 ? "bf16" : "fp32";
}

AutocastScope::AutocastScope(c10::Device device, Precision precision)
    : type_(device.type()), active_(precision != Precision::kFloat32) {
  if (!active_) return;
  was_enabled_ = at::autocast::is_autocast_enabled(type_);
  was_dtype_ = at::autocast::get_autocast_dtype(type_);
  at::autocast::increment_nesting();
  // Copies of weights made without gradients would cut the graph of a scope that records them.
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(type_, true);
  at::autocast::set_autocast_dtype(type_, at::kBFloat16);
}

AutocastScope::~AutocastScope() {
  if (!active_) return;
  at::autocast::decrement_nesting();
  at::autocast::clear_cache();  // the weights may change before the next scope
  at::autocast::set_autocast_enabled(type_, was_enabled_);
  at::autocast::set_autocast_dtype(type_, was_dtype_);
}

}  // namespace loopline::tensor
