#include "zip_inflate.h"

#include <array>
#include <vector>

namespace loopline::io {
namespace {

struct BadStream {};

void expect(bool condition) {
  if (!condition) throw BadStream();
}

/// Bits of a byte string, the lowest of a byte first.
class BitReader {
 public:
  explicit BitReader(std::string_view bytes) : bytes_(bytes) {}

  unsigned bits(int count) {
    unsigned value = 0;
    for (int i = 0; i < count; ++i) value |= bit() << i;
    return value;
  }

  unsigned bit() {
    expect(position_ / 8 < bytes_.size());
    const auto byte = static_cast<unsigned char>(bytes_[position_ / 8]);
    return byte >> (position_++ % 8) & 1U;
  }

  /// The next `count` bytes from the next byte boundary on.
  std::string_view bytes(std::size_t count) {
    const std::size_t begin = (position_ + 7) / 8;
    expect(begin <= bytes_.size() && count <= bytes_.size() - begin);
    position_ = 8 * (begin + count);
    return bytes_.substr(begin, count);
  }

  bool is_at_end() const { return (position_ + 7) / 8 == bytes_.size(); }

 private:
  std::string_view bytes_;
  std::size_t position_ = 0;
};

constexpr int kLongestCode = 15;

/// A canonical Huffman code. All codes are used, or a single one of one bit (which RFC 1951 allows
/// for distances), or none.
class HuffmanCode {
 public:
  explicit HuffmanCode(const std::vector<int>& lengths) {
    for (const int length : lengths) ++count_[length];
    int left = 1;
    for (int length = 1; length <= kLongestCode; ++length) {
      left = 2 * left - count_[length];
      expect(left >= 0);
    }
    used_ = static_cast<int>(lengths.size()) - count_[0];
    is_complete_ = left == 0;
    expect(is_complete_ || used_ == 0 || (used_ == 1 && count_[1] == 1));
    for (int length = 1; length <= kLongestCode; ++length) {
      for (std::size_t symbol = 0; symbol < lengths.size(); ++symbol) {
        if (lengths[symbol] == length) symbols_.push_back(static_cast<int>(symbol));
      }
    }
  }

  bool is_complete() const { return is_complete_; }

  int read(BitReader& input) const {
    int code = 0, first = 0, index = 0;
    for (int length = 1; length <= kLongestCode; ++length) {
      code |= static_cast<int>(input.bit());
      if (code - first < count_[length]) {
        return symbols_[static_cast<std::size_t>(index + code - first)];
      }
      index += count_[length];
      first = 2 * (first + count_[length]);
      code *= 2;
    }
    throw BadStream();
  }

 private:
  std::array<int, kLongestCode + 1> count_{};
  std::vector<int> symbols_;
  int used_ = 0;
  bool is_complete_ = false;
};

constexpr int kEndOfBlock = 256;
constexpr std::array<int, 29> kLengthBase{3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                          15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                          67, 83, 99, 115, 131, 163, 195, 227, 258};
constexpr std::array<int, 29> kLengthBits{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                          2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
constexpr std::array<int, 30> kDistanceBase{
    1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
    193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
constexpr std::array<int, 30> kDistanceBits{0, 0, 0, 0, 1, 1, 2, 2,  3,  3,  4,  4,  5,  5,  6,
                                            6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};

class Inflater {
 public:
  Inflater(std::string_view stream, std::uint64_t size) : input_(stream), size_(size) {}

  std::string run() {
    bool is_last = false;
    while (!is_last) {
      is_last = input_.bit() == 1;
      switch (input_.bits(2)) {
        case 0:
          stored_block();
          break;
        case 1:
          fixed_block();
          break;
        case 2:
          dynamic_block();
          break;
        default:
          throw BadStream();
      }
    }
    expect(input_.is_at_end() && output_.size() == size_);
    return std::move(output_);
  }

 private:
  void put(char byte) {
    expect(output_.size() < size_);
    output_.push_back(byte);
  }

  void stored_block() {
    const std::string_view header = input_.bytes(4);
    const auto word = [&](std::size_t i) {
      return static_cast<unsigned>(static_cast<unsigned char>(header[i])) |
             static_cast<unsigned>(static_cast<unsigned char>(header[i + 1])) << 8;
    };
    expect(word(0) == (~word(2) & 0xFFFFU) && word(0) <= size_ - output_.size());
    output_ += input_.bytes(word(0));
  }

  void fixed_block() {
    std::vector<int> lengths(288, 8);
    for (std::size_t i = 144; i < 256; ++i) lengths[i] = 9;
    for (std::size_t i = 256; i < 280; ++i) lengths[i] = 7;
    compressed_block(HuffmanCode(lengths), HuffmanCode(std::vector<int>(32, 5)));
  }

  void dynamic_block() {
    const std::size_t literals = input_.bits(5) + 257, distances = input_.bits(5) + 1;
    const std::size_t codes = input_.bits(4) + 4;
    expect(literals <= 286 && distances <= 30);
    constexpr std::array<std::size_t, 19> kOrder{16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                 11, 4,  12, 3, 13, 2, 14, 1, 15};
    std::vector<int> code_lengths(19, 0);
    for (std::size_t i = 0; i < codes; ++i) {
      code_lengths[kOrder[i]] = static_cast<int>(input_.bits(3));
    }
    const std::vector<int> lengths = read_lengths(HuffmanCode(code_lengths), literals + distances);
    const auto middle = lengths.begin() + static_cast<std::ptrdiff_t>(literals);
    expect(lengths[kEndOfBlock] != 0);
    const HuffmanCode literal_code(std::vector<int>(lengths.begin(), middle));
    expect(literal_code.is_complete());
    compressed_block(literal_code, HuffmanCode(std::vector<int>(middle, lengths.end())));
  }

  std::vector<int> read_lengths(const HuffmanCode& code, std::size_t count) {
    expect(code.is_complete());
    std::vector<int> lengths;
    while (lengths.size() < count) {
      const int symbol = code.read(input_);
      if (symbol < 16) {
        lengths.push_back(symbol);
        continue;
      }
      expect(symbol != 16 || !lengths.empty());
      const int value = symbol == 16 ? lengths.back() : 0;
      const unsigned repeat = symbol == 16   ? 3 + input_.bits(2)
                              : symbol == 17 ? 3 + input_.bits(3)
                                             : 11 + input_.bits(7);
      expect(repeat <= count - lengths.size());
      lengths.insert(lengths.end(), repeat, value);
    }
    return lengths;
  }

  void compressed_block(const HuffmanCode& literals, const HuffmanCode& distances) {
    while (true) {
      const int symbol = literals.read(input_);
      if (symbol == kEndOfBlock) return;
      if (symbol < kEndOfBlock) {
        put(static_cast<char>(symbol));
        continue;
      }
      const auto l = static_cast<std::size_t>(symbol - kEndOfBlock - 1);
      expect(l < kLengthBase.size());
      const std::size_t length =
          static_cast<std::size_t>(kLengthBase[l]) + input_.bits(kLengthBits[l]);
      const auto d = static_cast<std::size_t>(distances.read(input_));
      expect(d < kDistanceBase.size());
      const std::size_t distance =
          static_cast<std::size_t>(kDistanceBase[d]) + input_.bits(kDistanceBits[d]);
      expect(distance <= output_.size());
      for (std::size_t i = 0; i < length; ++i) put(output_[output_.size() - distance]);
    }
  }

  BitReader input_;
  std::uint64_t size_;
  std::string output_;
};

std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1U ? 0xEDB88320U : 0U);
    table[i] = value;
  }
  return table;
}

}  // namespace

std::optional<std::string> inflate(std::string_view stream, std::uint64_t size) {
  try {
    return Inflater(stream, size).run();
  } catch (const BadStream&) {
    return std::nullopt;
  }
}

std::uint32_t crc32(std::string_view bytes) {
  static const std::array<std::uint32_t, 256> table = make_crc_table();
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char c : bytes) {
    crc = crc >> 8 ^ table[(crc ^ static_cast<unsigned char>(c)) & 0xFFU];
  }
  return ~crc;
}

}  // namespace loopline::io
