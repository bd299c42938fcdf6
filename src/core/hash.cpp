#include "loopline/core/hash.h"

#include <openssl/evp.h>

#include <array>
#include <memory>

#include "loopline/core/error.h"
#include "loopline/core/files.h"

namespace loopline {

namespace {

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    LOOPLINE_CHECK(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1,
                   "OpenSSL offers no SHA-256");
  }

  void add(const void* data, std::size_t size) {
    LOOPLINE_CHECK(EVP_DigestUpdate(context_.get(), data, size) == 1, "OpenSSL failed");
  }

  std::string hexadecimal() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    LOOPLINE_CHECK(EVP_DigestFinal_ex(context_.get(), digest.data(), &size) == 1, "OpenSSL failed");
    std::string text;
    for (unsigned int i = 0; i < size; ++i) {
      text += "0123456789abcdef"[digest[i] >> 4];
      text += "0123456789abcdef"[digest[i] & 15];
    }
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

std::string sha256(std::string_view bytes) {
  Sha256 hash;
  hash.add(bytes.data(), bytes.size());
  return hash.hexadecimal();
}

std::string sha256_file(const std::filesystem::path& path) {
  Sha256 hash;
  read_in_pieces(path, [&](std::string_view piece) { hash.add(piece.data(), piece.size()); });
  return hash.hexadecimal();
}

}  // namespace loopline
