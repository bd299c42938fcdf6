#include "loopline/tensor/script_module.h"

#include <torch/csrc/jit/passes/autocast.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/export.h>
#include <torch/script.h>

#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/io/torchscript_archive.h"
#include "loopline/tensor/memory.h"
#include "script_module_devices.h"
#include "script_module_operators.h"

namespace loopline::tensor {
namespace {

/// The last meaningful line of a LibTorch exception: TorchScript prepends a traceback.
std::string reason(const std::exception& error) {
  const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
  std::string text = torch_error ? torch_error->what_without_backtrace() : error.what();
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  // The message proper follows "RuntimeError: " in tracebacks; otherwise it is the first line.
  if (const auto mark = text.rfind("Error: "); mark != std::string::npos) {
    text = text.substr(mark + 7);
  }
  return text.substr(0, text.find('\n'));
}

}  // namespace

struct ScriptModule::Impl {
  std::string path;
  torch::jit::Module module;
  std::map<std::string, at::Tensor> parameters, buffers;
  std::vector<DeviceConstant> device_constants;
  std::set<std::string> operators;

  c10::IValue run(const std::string& method, const std::vector<at::Tensor>& arguments) {
    try {
      return module.get_method(method)({arguments.begin(), arguments.end()});
    } catch (const std::exception& error) {
      if (is_out_of_memory(error)) throw;  // no fault of the network's
      throw failure(path, "the network failed: " + reason(error));
    }
  }
};

ScriptModule::ScriptModule(const std::filesystem::path& path, at::Device device)
    : impl_(std::make_unique<Impl>()) {
  // The profiling executor re-optimises during the first calls: slow first steps for nothing here.
  torch::jit::getProfilingMode() = false;
  // Autocast belongs to the operators: TorchScript's own would stay in graphs compiled under it.
  torch::jit::setAutocastMode(false);
  impl_->path = path.string();
  io::scan_torchscript_archive(path);  // loading runs code
  try {
    impl_->module = torch::jit::load(path.string(), at::kCPU);
    impl_->operators = check_operators(impl_->module, impl_->path);
    impl_->device_constants = find_device_constants(impl_->module);
    move_device_constants(impl_->module, device, impl_->path);
    impl_->module.to(device);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(path.string(), "not a loadable TorchScript file: " + reason(error));
  }
  for (const auto& item : impl_->module.named_parameters()) {
    impl_->parameters.emplace(item.name, item.value);
  }
  for (const auto& item : impl_->module.named_buffers()) {
    impl_->buffers.emplace(item.name, item.value);
  }
}

ScriptModule::~ScriptModule() = default;
ScriptModule::ScriptModule(ScriptModule&&) noexcept = default;
ScriptModule& ScriptModule::operator=(ScriptModule&&) noexcept = default;

void ScriptModule::move_to(at::Device device) { impl_->module.to(device); }

std::vector<at::Tensor> ScriptModule::call_method_all(
    const std::string& name, const std::vector<at::Tensor>& arguments) const {
  const c10::IValue result = impl_->run(name, arguments);
  std::vector<at::Tensor> tensors;
  if (result.isTensor()) {
    tensors.push_back(result.toTensor());
  } else if (result.isTuple()) {
    for (const c10::IValue& element : result.toTupleRef().elements()) {
      if (element.isTensor()) tensors.push_back(element.toTensor());
    }
  } else if (result.isTensorList()) {
    tensors = result.toTensorVector();
  }
  if (tensors.empty()) {
    throw Error(impl_->path,
                name + " returns " + result.tagKind() + ", not a tensor or a tuple of tensors");
  }
  return tensors;
}

at::Tensor ScriptModule::call_method(const std::string& name,
                                     const std::vector<at::Tensor>& arguments,
                                     std::optional<std::int64_t> index) const {
  if (!index) {
    const c10::IValue result = impl_->run(name, arguments);
    if (!result.isTensor()) {
      throw Error(impl_->path, name + " returns " + result.tagKind() + ", not a tensor",
                  "set output.index in the manifest");
    }
    return result.toTensor();
  }
  const auto tensors = call_method_all(name, arguments);
  if (*index < 0 || *index >= static_cast<std::int64_t>(tensors.size())) {
    throw Error(impl_->path, "output.index is " + std::to_string(*index) + " but " + name +
                                 " returns " + std::to_string(tensors.size()) + " tensor(s)");
  }
  return tensors[static_cast<std::size_t>(*index)];
}

std::vector<at::Tensor> ScriptModule::call_all(const std::vector<at::Tensor>& arguments) const {
  return call_method_all("forward", arguments);
}

at::Tensor ScriptModule::call(const std::vector<at::Tensor>& arguments,
                              std::optional<std::int64_t> index) const {
  return call_method("forward", arguments, index);
}

bool ScriptModule::has_method(const std::string& name) const {
  return impl_->module.find_method(name).has_value();
}

const std::map<std::string, at::Tensor>& ScriptModule::parameters() const {
  return impl_->parameters;
}
const std::map<std::string, at::Tensor>& ScriptModule::buffers() const { return impl_->buffers; }
const std::vector<DeviceConstant>& ScriptModule::device_constants() const {
  return impl_->device_constants;
}

const std::set<std::string>& ScriptModule::operators() const { return impl_->operators; }

void ScriptModule::save(const std::filesystem::path& path) const {
  FileWriter file(path);
  // LibTorch's writer ends the program when it is told of a failure: it hears of none, and what it
  // writes after one goes nowhere.
  std::exception_ptr problem;
  const auto write = [&](const void* bytes, std::size_t count) {
    try {
      if (!problem) file.write({static_cast<const char*>(bytes), count});
    } catch (...) {
      problem = std::current_exception();
    }
    return count;
  };
  try {
    torch::jit::ExportModule(impl_->module, write);
  } catch (const std::exception& error) {
    throw failure(path.string(), "cannot be written: " + reason(error));
  }
  if (problem) std::rethrow_exception(problem);
  file.close();
}

}  // namespace loopline::tensor
