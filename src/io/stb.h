#pragma once

/// The parts of stb that Loopline uses: PNG and JPEG, in memory. stb.cpp holds their
/// implementation.

#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_WRITE_NO_STDIO

#include <stb/stb_image.h>
#include <stb/stb_image_write.h>
