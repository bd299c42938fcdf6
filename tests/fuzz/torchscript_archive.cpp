#include "loopline/io/torchscript_archive.h"

#include <vector>

#include "fuzzing.h"

namespace {

using namespace loopline;

std::string number(std::uint64_t value, int width) {
  std::string bytes;
  for (int i = 0; i < width; ++i) bytes += static_cast<char>(i < 8 ? value >> (8 * i) & 0xFF : 0);
  return bytes;
}

std::uint32_t crc_of(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1U ? 0xEDB88320U : 0U);
  }
  return ~crc;
}

struct Entry {
  std::string name, content;
  std::uint64_t method = 0, size = 0;  // size of what `content` inflates to
};

// As LibTorch writes it, with check sums that fit: no fuzzer finds those.
std::string archive_of(const std::vector<Entry>& entries) {
  std::string file, directory;
  for (const Entry& entry : entries) {
    const std::string name = "net/" + entry.name;
    const std::string crc = number(crc_of(entry.content), 4);
    const std::string stored = number(entry.content.size(), 4);
    const std::string size = number(entry.method == 0 ? entry.content.size() : entry.size, 4);
    const std::uint64_t offset = file.size();
    file.append("PK\x03\x04").append(number(0, 2)).append(number(0x0808, 2));
    file.append(number(entry.method, 2))
        .append(std::string(16, '\0'))
        .append(number(name.size(), 2));
    file.append(number(0, 2)).append(name).append(entry.content);
    file.append("PK\x07\x08").append(crc).append(stored).append(size);
    directory.append("PK\x01\x02").append(number(0, 4)).append(number(0x0808, 2));
    directory.append(number(entry.method, 2)).append(number(0, 4)).append(crc).append(stored);
    directory.append(size).append(number(name.size(), 2)).append(std::string(12, '\0'));
    directory.append(number(offset, 4)).append(name);
  }
  const std::uint64_t begin = file.size(), count = entries.size();
  file.append(directory).append("PK\x05\x06").append(number(0, 4)).append(number(count, 2));
  file.append(number(count, 2)).append(number(directory.size(), 4)).append(number(begin, 4));
  return file.append(number(0, 2));
}

constexpr char kCode[] = R"(class Net(Module):
  __parameters__ = []
  __buffers__ = []
  def forward(self: __torch__.Net,
    x: Tensor) -> Tensor:
    return torch.add(x, CONSTANTS.c0)
)";

std::vector<Entry> small_network() {
  const std::string start("\x80\x02", 2);
  return {{"data.pkl", start + "c__torch__\nNet\n)\x81}(ub."},
          {"code/__torch__.py", kCode},
          {"constants.pkl", start + "(t."},
          {"data/0", std::string(8, '\0')},
          {"version", "3\n"}};
}

}  // namespace

// The first letter says what the rest is: the data, the constants or the code of a network, code
// that is compressed (after two bytes, its size), or (any other letter) the whole archive.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string rest = fuzz::text_of(data + 1, size - 1);
  std::vector<Entry> entries = small_network();
  std::string bytes;
  if (data[0] == 'd') {
    entries[0].content = rest;
    bytes = archive_of(entries);
  } else if (data[0] == 'c') {
    entries[1].content = rest;
    bytes = archive_of(entries);
  } else if (data[0] == 't') {
    entries[2].content = rest;
    bytes = archive_of(entries);
  } else if (data[0] == 'i' && rest.size() >= 2) {
    const std::uint64_t inflated = data[1] << 8 | data[2];
    entries[1] = {"code/__torch__.py", rest.substr(2), 8, inflated};
    bytes = archive_of(entries);
  } else {
    bytes = rest;
  }
  fuzz::accepts([&] {
    for (const std::string& name : io::scan_torchscript_archive(bytes, "net.ts").operators) {
      fuzz::require(io::is_listed_operator(name), "operators of an accepted archive are listed");
    }
  });
  return 0;
}
