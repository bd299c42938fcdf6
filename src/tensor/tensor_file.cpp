#include "loopline/tensor/tensor_file.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <array>
#include <fstream>
#include <utility>
#include <vector>

#include "loopline/core/error.h"

namespace loopline::tensor {
namespace {

constexpr std::array<std::pair<io::DType, at::ScalarType>, 10> kTypes = {{
    {io::DType::kBool, at::kBool},
    {io::DType::kU8, at::kByte},
    {io::DType::kI8, at::kChar},
    {io::DType::kI16, at::kShort},
    {io::DType::kI32, at::kInt},
    {io::DType::kI64, at::kLong},
    {io::DType::kF16, at::kHalf},
    {io::DType::kBF16, at::kBFloat16},
    {io::DType::kF32, at::kFloat},
    {io::DType::kF64, at::kDouble},
}};

}  // namespace

at::ScalarType scalar_type(io::DType dtype) {
  for (const auto& [ours, theirs] : kTypes) {
    if (ours == dtype) return theirs;
  }
  LOOPLINE_CHECK(false, "dtype without a LibTorch counterpart");
}

io::DType dtype_of(at::ScalarType type) {
  for (const auto& [ours, theirs] : kTypes) {
    if (theirs == type) return ours;
  }
  LOOPLINE_CHECK(false, std::string("dtype not writable: ") + at::toString(type));
}

void save_tensors(const std::filesystem::path& path, const NamedTensors& tensors,
                  const std::map<std::string, std::string>& metadata) {
  std::vector<at::Tensor> host;  // keeps the bytes alive
  std::map<std::string, io::SafetensorsTensor> entries;
  for (const auto& [name, tensor] : tensors) {
    host.push_back(tensor.detach().to(at::kCPU).contiguous());
    const at::Tensor& copy = host.back();
    entries[name] = {dtype_of(copy.scalar_type()),
                     copy.sizes().vec(),
                     {static_cast<const std::byte*>(copy.const_data_ptr()), copy.nbytes()}};
  }
  io::write_safetensors(path, entries, metadata);
}

NamedTensors load_tensors(const std::filesystem::path& path) {
  const io::SafetensorsHeader header = io::read_safetensors_header(path);
  std::ifstream file(path, std::ios::binary);
  NamedTensors tensors;
  for (const auto& [name, entry] : header.tensors) {
    at::Tensor tensor = at::empty(entry.shape, at::TensorOptions(scalar_type(entry.dtype)));
    file.seekg(static_cast<std::streamoff>(header.data_begin + entry.begin));
    file.read(static_cast<char*>(tensor.mutable_data_ptr()),
              static_cast<std::streamsize>(entry.end - entry.begin));
    if (!file) throw failure(path.string(), "tensor \"" + name + "\" cannot be read");
    tensors.emplace(name, std::move(tensor));
  }
  return tensors;
}

void copy_tensors(const NamedTensors& source, const NamedTensors& target,
                  const std::string& where) {
  at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : source) {
    const auto found = target.find(name);
    if (found == target.end()) throw failure(where, "unexpected tensor \"" + name + "\"");
    if (found->second.sizes() != tensor.sizes() ||
        found->second.scalar_type() != tensor.scalar_type()) {
      throw failure(where, "tensor \"" + name + "\" has another shape or dtype than the model's");
    }
  }
  for (auto& [name, tensor] : target) {
    const auto found = source.find(name);
    if (found == source.end()) throw failure(where, "tensor \"" + name + "\" is missing");
    tensor.copy_(found->second);
  }
}

}  // namespace loopline::tensor
