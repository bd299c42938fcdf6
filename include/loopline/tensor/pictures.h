#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "loopline/io/image.h"

namespace loopline::tensor {

/// float32 [N, C, H, W] in [0, 1] (any device) as 8-bit images.
std::vector<io::Image> to_images(const at::Tensor& images);

/// The same as one picture, `columns` images a row, each pixel drawn `zoom` times.
io::Image image_grid(const at::Tensor& images, std::int64_t columns, std::int64_t zoom);

/// The way back: float32 [C, H, W] in [0, 1] on the CPU.
at::Tensor tensor_from_image(const io::Image& image);

/// An image [C, H, W] of 1, 3 or 4 channels as one of 3: grey is repeated, alpha left out.
at::Tensor as_three_channels(const at::Tensor& image);

}  // namespace loopline::tensor
