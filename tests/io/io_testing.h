#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "loopline/core/error.h"
#include "loopline/io/image.h"

namespace loopline::io {

/// What the Error of an action says, or "no error".
inline std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& e) {
    EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos) << "one line: " << e.what();
    return e.what();
  }
  return "no error";
}

/// A directory of this process, removed when it ends: tests run side by side.
inline const std::filesystem::path& temporary_directory() {
  struct Directory {
    std::filesystem::path path =
        std::filesystem::path(::testing::TempDir()) / ("loopline_io_" + std::to_string(::getpid()));
    Directory() { std::filesystem::remove_all(path); }
    ~Directory() { std::filesystem::remove_all(path); }
  };
  static const Directory directory;
  return directory.path;
}

/// A file in it.
inline std::filesystem::path temporary(const std::string& name, const std::string& bytes) {
  const std::filesystem::path path = temporary_directory() / name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

inline std::string content(const std::filesystem::path& path) {
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return bytes.str();
}

/// The first block of ```json below a heading of docs/bundles.md: the examples of the specification
/// are tests.
inline nlohmann::json documented_json(const std::string& heading) {
  const std::string docs = content(LOOPLINE_SOURCE_DIR "/docs/bundles.md");
  const std::size_t begin = docs.find("```json\n", docs.find("\n## " + heading)) + 8;
  return nlohmann::json::parse(docs.substr(begin, docs.find("```", begin) - begin));
}

/// Pixels without any structure, the same at each call.
inline Image noise(int width, int height, int channels) {
  Image image{width, height, channels, {}};
  std::uint32_t state = 1;
  for (int i = 0; i < width * height * channels; ++i) {
    state = state * 1664525U + 1013904223U;
    image.pixels.push_back(static_cast<std::uint8_t>(state >> 24));
  }
  return image;
}

/// One edit of a document that must be refused.
struct Mutation {
  std::string pointer;  ///< JSON pointer
  std::string value;    ///< JSON; "" removes what the pointer names
  std::string message;  ///< part of the error
};

inline nlohmann::json mutated(nlohmann::json document, const std::string& pointer,
                              const std::string& value) {
  if (value.empty()) {
    document = document.patch({{{"op", "remove"}, {"path", pointer}}});
  } else {
    document[nlohmann::json::json_pointer(pointer)] = nlohmann::json::parse(value);
  }
  return document;
}

}  // namespace loopline::io
