#pragma once

#include <torch/csrc/jit/api/module.h>

#include <string>
#include <vector>

#include "loopline/tensor/script_module.h"

namespace loopline::tensor {

/// Devices that the code of `module` names, whatever device it is loaded for: a trace remembers
/// where its example ran. As found in the file, in the order of the code.
std::vector<DeviceConstant> find_device_constants(const torch::jit::Module& module);

/// Rewrites those that differ from `device`, so that the module runs there. Before its first call.
/// One that cannot be moved is an Error at `where`.
void move_device_constants(torch::jit::Module& module, at::Device device, const std::string& where);

}  // namespace loopline::tensor
