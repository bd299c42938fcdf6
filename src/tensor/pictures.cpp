#include "loopline/tensor/pictures.h"

#include <ATen/ATen.h>

namespace loopline::tensor {

std::vector<io::Image> to_images(const at::Tensor& images) {
  const at::Tensor host = images.to(at::kCPU, at::kFloat).contiguous();
  const auto channels = static_cast<int>(host.size(1));
  const auto height = static_cast<int>(host.size(2));
  const auto width = static_cast<int>(host.size(3));
  std::vector<io::Image> result;
  for (std::int64_t i = 0; i < host.size(0); ++i) {
    result.push_back(io::image_from_planar(
        host.const_data_ptr<float>() + i * channels * height * width, channels, height, width));
  }
  return result;
}

io::Image image_grid(const at::Tensor& images, std::int64_t columns, std::int64_t zoom) {
  return io::image_grid(to_images(images), static_cast<int>(columns), static_cast<int>(zoom));
}

}  // namespace loopline::tensor
