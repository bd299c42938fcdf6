#include "stb.h"

#include <cstdint>
#include <cstdlib>

namespace loopline::io {
namespace {

thread_local std::size_t largest_piece = SIZE_MAX;

void* stb_malloc(std::size_t size) { return size <= largest_piece ? std::malloc(size) : nullptr; }

void* stb_realloc(void* piece, std::size_t size) {
  return size <= largest_piece ? std::realloc(piece, size) : nullptr;
}

}  // namespace

StbMemoryLimit::StbMemoryLimit(std::size_t bytes) { largest_piece = bytes; }
StbMemoryLimit::~StbMemoryLimit() { largest_piece = SIZE_MAX; }

}  // namespace loopline::io

// stb's headers, included once more with these names defined, are its source code. They stand among
// the system's headers, so their warnings are silent.
#define STBI_MALLOC(size) loopline::io::stb_malloc(size)
#define STBI_REALLOC(piece, size) loopline::io::stb_realloc(piece, size)
#define STBI_FREE(piece) std::free(piece)
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>
