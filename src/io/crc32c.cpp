#include "loopline/io/crc32c.h"

#include <array>

namespace loopline::io {
namespace {

constexpr std::uint32_t kCastagnoli = 0x82F63B78;  // bits reversed

/// What each byte does to the remainder.
constexpr std::array<std::uint32_t, 256> make_remainders() {
  std::array<std::uint32_t, 256> remainders{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t remainder = byte;
    for (int bit = 0; bit < 8; ++bit) {
      remainder = remainder >> 1 ^ ((remainder & 1) != 0 ? kCastagnoli : 0);
    }
    remainders[byte] = remainder;
  }
  return remainders;
}

constexpr std::array<std::uint32_t, 256> kRemainders = make_remainders();

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char byte : bytes) {
    crc = crc >> 8 ^ kRemainders[(crc ^ static_cast<unsigned char>(byte)) & 0xFF];
  }
  return ~crc;
}

}  // namespace loopline::io
