#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace loopline::io {

/// The lowest `bytes` bytes of a number, the lowest first.
inline std::string little_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i));
  return text;
}

/// A protocol-buffer message, put together field by field in the wire format: a key (field number
/// and wire type), then the value. Fields are written whether or not they hold their default, which
/// is what members of a oneof need.
class ProtobufWriter {
 public:
  ProtobufWriter& integer(int field, std::uint64_t value) {  // and enum
    key(field, kVarint);
    varint(value);
    return *this;
  }
  ProtobufWriter& real(int field, float value) {
    key(field, kFixed32);
    wire_ += little_endian(std::bit_cast<std::uint32_t>(value), 4);
    return *this;
  }
  ProtobufWriter& real(int field, double value) {
    key(field, kFixed64);
    wire_ += little_endian(std::bit_cast<std::uint64_t>(value), 8);
    return *this;
  }
  ProtobufWriter& bytes(int field, std::string_view value) {  // and string
    key(field, kLengthDelimited);
    varint(value.size());
    wire_ += value;
    return *this;
  }
  ProtobufWriter& message(int field, const ProtobufWriter& value) {
    return bytes(field, value.wire_);
  }

  const std::string& wire() const { return wire_; }

 private:
  enum WireType { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5 };

  void key(int field, WireType type) { varint(static_cast<std::uint64_t>(field) << 3 | type); }

  /// Seven bits a byte, the lowest first; the top bit says that more follow.
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) wire_ += static_cast<char>(value | 0x80);
    wire_ += static_cast<char>(value);
  }

  std::string wire_;
};

}  // namespace loopline::io
