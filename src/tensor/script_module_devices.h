#pragma once

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/ir.h>

#include <string>
#include <vector>

#include "loopline/tensor/script_module.h"

namespace loopline::tensor {

/// "embedding.py:57", or "" when the file keeps no sources.
std::string source_of(const torch::jit::Node* node);

/// Devices that the code of `module` names, whatever device it is loaded for: a trace remembers
/// where its example ran. As found in the file, in the order of the code.
std::vector<DeviceConstant> find_device_constants(const torch::jit::Module& module);

/// Rewrites those that differ from `device`, so that the module runs there. Before its first call.
/// One that cannot be moved is an Error at `where`.
void move_device_constants(torch::jit::Module& module, at::Device device, const std::string& where);

}  // namespace loopline::tensor
