#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>

#include "loopline/io/safetensors.h"

namespace loopline::tensor {

using NamedTensors = std::map<std::string, at::Tensor>;

/// Tensors as a safetensors file (any device; written from contiguous host copies). Not atomic by
/// itself: it is meant for a checkpoint's fill function or write_file_atomically.
void save_tensors(const std::filesystem::path& path, const NamedTensors& tensors,
                  const std::map<std::string, std::string>& metadata = {});

/// All tensors of a safetensors file, on the CPU.
NamedTensors load_tensors(const std::filesystem::path& path);

/// Copies `source` into `target` name by name, in place. Missing or additional names and other
/// shapes or dtypes are Errors (exit 1) that name `where` and the tensor.
void copy_tensors(const NamedTensors& source, const NamedTensors& target, const std::string& where);

at::ScalarType scalar_type(io::DType dtype);
io::DType dtype_of(at::ScalarType type);

}  // namespace loopline::tensor
