#pragma once

#include <torch/csrc/jit/api/module.h>

#include <set>
#include <string>

namespace loopline::tensor {

/// The second look at an archive, after io::scan_torchscript_archive and before anything of it
/// runs: at what LibTorch made of the code. Each operator in each function of each class, called
/// or not, must be listed or trusted (io::require_trust), no value may be of a C++ class, and each
/// attribute must hold a value of its declared type, on which compiled code relies. Returns the
/// operators, "aten::conv2d".
///
/// aten::warn, which scripted networks carry, is taken out: its text is the file's.
std::set<std::string> check_operators(torch::jit::Module& module, const std::string& where);

}  // namespace loopline::tensor
