#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace loopline::io {

/// What a TorchScript archive says about its code before anything of it is loaded.
struct ArchiveContents {
  std::set<std::string> classes;  ///< classes and functions that its code defines: "__torch__.Net"
  std::set<std::string> operators;  ///< that its code names by torch. or ops.: "aten::conv2d"
};

/// Reads a TorchScript archive (torch.jit.save, 1.4 or later) without LibTorch and without running
/// anything: the directory of the zip file, each pickle opcode by opcode, each code entry name by
/// name. Weights are not read, so this takes milliseconds for gigabytes.
///
/// An archive is code: loading it already runs `__setstate__`, and LibTorch trusts the numbers in
/// it. So what a network does not need is an Error that says where it stands: methods that run
/// while the archive is loaded, operators that are not listed (is_listed_operator), C++ classes,
/// tensors beyond their records, other records than LibTorch writes, and whatever LibTorch might
/// read in another way than this does. Some of it can be allowed by name (trust_in_archives).
///
/// This limits what a stranger's file can do; it is no sandbox.
ArchiveContents scan_torchscript_archive(const std::filesystem::path& path);

/// The same for an archive in memory; `where` names it in errors.
ArchiveContents scan_torchscript_archive(std::string_view bytes, const std::string& where);

/// Whether `name` ("aten::conv2d", "prim::If") is on the list of operators that any archive may
/// use: those that compute with their arguments and touch nothing else.
bool is_listed_operator(std::string_view name);

/// The list, for tests.
const std::set<std::string>& listed_operators();

/// Allows names in all archives that this process loads from now on: operators
/// ("aten::from_file"), "__setstate__", C++ classes ("__torch__.torch.classes.quantized.Conv2d").
/// Only a person may say this, never a file. Call it before anything is loaded.
void trust_in_archives(std::vector<std::string> names);

/// Called for what is not allowed to everybody: an Error "WHERE: WHAT; ..." that tells how to
/// trust `name`, or, if it is trusted, a warning in the log, once for each place.
void require_trust(const std::string& where, const std::string& what, const std::string& name);

}  // namespace loopline::io
