#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "loopline/core/error.h"

/// What the fuzz targets share. A target is one function, LLVMFuzzerTestOneInput, that hands bytes
/// of anyone's making to one parser; scripts/fuzz links it with libFuzzer and sanitizers, the tests
/// with replay_main.cpp, which runs the seeds.
namespace loopline::fuzz {

inline std::string text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// What stands before the first zero byte, and what after it.
std::pair<std::string, std::string> split_at_zero(const std::string& text);

/// A property of what was accepted. When it does not hold the process aborts: a finding.
void require(bool condition, const std::string& property);

/// An error message is one line that a terminal shows as it stands, and no page of it.
void require_fit_message(std::string_view message);

/// Whether a parser takes its input. A loopline::Error is the right way to refuse; whatever else is
/// thrown ends the process: a finding.
template <class Parse>
bool accepts(Parse parse) {
  try {
    parse();
    return true;
  } catch (const Error& error) {
    require_fit_message(error.what());
    return false;
  }
}

/// A directory of this process for readers that take a path, removed when it ends. scripts/fuzz
/// lets the temporary directory lie in memory.
const std::filesystem::path& scratch_directory();

/// Writes a file in it and gives its path.
std::filesystem::path scratch_file(const std::string& name, std::string_view bytes);

}  // namespace loopline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
