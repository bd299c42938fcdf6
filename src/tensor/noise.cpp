#include "loopline/tensor/noise.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "loopline/tensor/upload.h"

namespace loopline::tensor {

at::Tensor normal_rows(const std::vector<Draw>& rows, std::uint32_t step,
                       const std::vector<std::int64_t>& shape, at::Device device) {
  std::vector<std::int64_t> sizes{static_cast<std::int64_t>(rows.size())};
  sizes.insert(sizes.end(), shape.begin(), shape.end());
  at::Tensor noise =
      at::empty(sizes, at::TensorOptions(at::kFloat).pinned_memory(device.is_cuda()));
  const std::int64_t elements = rows.empty() ? 0 : noise.numel() / noise.size(0);
  float* data = noise.mutable_data_ptr<float>();
  at::parallel_for(0, noise.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      Draw draw = rows[static_cast<std::size_t>(row)];
      draw.step = step;
      fill_normal(draw, {data + row * elements, static_cast<std::size_t>(elements)});
    }
  });
  return upload(noise, device);
}

}  // namespace loopline::tensor
