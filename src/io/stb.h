#pragma once

#include <cstddef>

/// The parts of stb that Loopline uses: PNG, in memory. (Not its JPEG decoder: a table of codes
/// that is too long writes outside of its own, in the version that Debian 12 has.) stb.cpp holds
/// their implementation.

#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_WRITE_NO_STDIO

#include <stb/stb_image.h>
#include <stb/stb_image_write.h>

namespace loopline::io {

/// While it lives, stb's decoder gets no piece of memory over `bytes` in this thread, and reports
/// that it is out of memory. One at a time.
class StbMemoryLimit {
 public:
  explicit StbMemoryLimit(std::size_t bytes);
  ~StbMemoryLimit();
  StbMemoryLimit(const StbMemoryLimit&) = delete;
  StbMemoryLimit& operator=(const StbMemoryLimit&) = delete;
};

}  // namespace loopline::io
