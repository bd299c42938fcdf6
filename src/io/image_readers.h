#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "limits.h"
#include "loopline/io/image.h"

namespace loopline::io {

/// The parts of read_image, one a format. `where` is for messages.
Image read_png(std::string_view bytes, const std::string& where);
Image read_jpeg(std::string_view bytes, const std::string& where);

/// Refuses more than kMaxPixels.
void check_size(std::int64_t width, std::int64_t height, const std::string& where);

}  // namespace loopline::io
