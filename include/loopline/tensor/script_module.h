#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace loopline::tensor {

/// A device that the code of a TorchScript file names, and the operator that uses it.
struct DeviceConstant {
  std::string device;    ///< "cpu", "cuda:0"
  std::string op;        ///< "aten::arange"
  std::string source;    ///< "embedding.py:57" where the file keeps it, else ""
  bool movable = false;  ///< rewritten when the file is loaded for another device
};

/// A TorchScript file: the only place where Loopline touches TorchScript. Its code is checked
/// before anything of it runs: see io::scan_torchscript_archive. Loading happens on the CPU and the
/// module is then moved, with the device constants that a trace leaves in its code; one that cannot
/// be moved is an Error. LibTorch's exceptions become Errors that name the file.
class ScriptModule {
 public:
  ScriptModule(const std::filesystem::path& path, at::Device device);
  ~ScriptModule();
  ScriptModule(ScriptModule&&) noexcept;
  ScriptModule& operator=(ScriptModule&&) noexcept;

  /// Moves parameters and buffers; the code stays that of the device that the file was loaded for,
  /// so what waits elsewhere must come back before it is called.
  void move_to(at::Device device);

  /// forward(arguments...); the result is a tensor, or element `index` of the tuple or list.
  at::Tensor call(const std::vector<at::Tensor>& arguments,
                  std::optional<std::int64_t> index = std::nullopt) const;

  /// All tensors of the result: one, or each of the tuple.
  std::vector<at::Tensor> call_all(const std::vector<at::Tensor>& arguments) const;

  /// Whether the file has a method of this name beside forward, for the two calls below: as call()
  /// and call_all(), with the same parameters and buffers.
  bool has_method(const std::string& name) const;
  at::Tensor call_method(const std::string& name, const std::vector<at::Tensor>& arguments,
                         std::optional<std::int64_t> index = std::nullopt) const;
  std::vector<at::Tensor> call_method_all(const std::string& name,
                                          const std::vector<at::Tensor>& arguments) const;

  /// By name, sharing storage with the module: writing into them changes the network.
  const std::map<std::string, at::Tensor>& parameters() const;
  const std::map<std::string, at::Tensor>& buffers() const;

  /// Devices that the code names, as the file has them, in the order of the code.
  const std::vector<DeviceConstant>& device_constants() const;

  /// That its code uses, called or not: "aten::conv2d", "prim::If".
  const std::set<std::string>& operators() const;

  /// Writes the module, with its tensors as they are now, as a TorchScript file. Not atomic by
  /// itself.
  void save(const std::filesystem::path& path) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace loopline::tensor
