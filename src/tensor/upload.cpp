#include "loopline/tensor/upload.h"

#include <ATen/ATen.h>

namespace loopline::tensor {

at::Tensor upload(const at::Tensor& tensor, at::Device device) {
  if (!tensor.is_cpu() || !device.is_cuda()) return tensor.to(device);
  return tensor.pin_memory().to(device, /*non_blocking=*/true);
}

}  // namespace loopline::tensor
