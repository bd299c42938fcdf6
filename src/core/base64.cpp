#include "loopline/core/base64.h"

#include <openssl/evp.h>

#include <climits>

#include "loopline/core/error.h"

namespace loopline {
namespace {

const unsigned char* unsigned_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

std::string base64_encode(std::string_view bytes) {
  LOOPLINE_CHECK(bytes.size() < INT_MAX / 2, "OpenSSL counts in int");
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // one more: OpenSSL ends it with a zero
  text.resize(static_cast<std::size_t>(
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), unsigned_bytes(bytes),
                      static_cast<int>(bytes.size()))));
  return text;
}

std::string base64_decode(std::string_view text) {
  std::string bytes(text.size() / 4 * 3, '\0');
  const bool whole = text.size() % 4 == 0 && text.size() < INT_MAX;
  if (!whole || EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                unsigned_bytes(text), static_cast<int>(text.size())) < 0) {
    throw failure("base64", "the text is damaged");
  }
  // The padding stands for bytes that are not there.
  for (std::size_t back = 1; back <= 2 && text.size() >= back; ++back) {
    if (text[text.size() - back] == '=') bytes.pop_back();
  }
  return bytes;
}

}  // namespace loopline
