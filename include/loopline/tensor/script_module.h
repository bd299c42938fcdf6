#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace loopline::tensor {

/// A TorchScript file: the only place where Loopline touches TorchScript. Loading happens on the
/// CPU and the module is then moved. LibTorch's exceptions become Errors that name the file.
class ScriptModule {
 public:
  ScriptModule(const std::filesystem::path& path, at::Device device);
  ~ScriptModule();
  ScriptModule(ScriptModule&&) noexcept;
  ScriptModule& operator=(ScriptModule&&) noexcept;

  /// forward(arguments...); the result is a tensor, or element `index` of the tuple or list.
  at::Tensor call(const std::vector<at::Tensor>& arguments,
                  std::optional<std::int64_t> index = std::nullopt) const;

  /// All tensors of the result: one, or each of the tuple.
  std::vector<at::Tensor> call_all(const std::vector<at::Tensor>& arguments) const;

  /// By name, sharing storage with the module: writing into them changes the network.
  const std::map<std::string, at::Tensor>& parameters() const;
  const std::map<std::string, at::Tensor>& buffers() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace loopline::tensor
