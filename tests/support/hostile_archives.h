#pragma once

#include <filesystem>
#include <string>

namespace loopline::testing {

/// A TorchScript file whose class has a __setstate__ that writes the file `marker`: LibTorch runs
/// it inside load.
void write_script_with_setstate(const std::filesystem::path& path,
                                const std::filesystem::path& marker);

/// A TorchScript file with `forward` and, in another method that nobody calls, `other`.
void write_script_with_method(const std::filesystem::path& path, const std::string& other);

/// What LibTorch alone makes of a file: the number of elements of attribute "weight".
std::int64_t elements_without_checks(const std::filesystem::path& path);

/// Whether LibTorch has an operator of that name ("aten::add").
bool is_known_operator(const std::string& name);

}  // namespace loopline::testing
