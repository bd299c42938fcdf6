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

at::Tensor tensor_from_image(const io::Image& image) {
  const at::Tensor interleaved = at::tensor(at::ArrayRef<std::uint8_t>(image.pixels), at::kByte)
                                     .reshape({image.height, image.width, image.channels});
  return interleaved.permute({2, 0, 1}).contiguous().to(at::kFloat) / 255.0;
}

at::Tensor as_three_channels(const at::Tensor& image) {
  return image.size(0) == 1 ? image.repeat({3, 1, 1}) : image.narrow(0, 0, 3);
}

}  // namespace loopline::tensor
