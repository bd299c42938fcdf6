// make_tiny_world DIRECTORY: a world for the scripts that drive the real binary.

#include <cstdio>
#include <exception>
#include <filesystem>

#include "support/tiny_bundle.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_tiny_world DIRECTORY\n");
    return 2;
  }
  try {
    std::filesystem::create_directories(argv[1]);
    loopline::testing::write_tiny_world(argv[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "make_tiny_world: %s\n", error.what());
    return 1;
  }
}
