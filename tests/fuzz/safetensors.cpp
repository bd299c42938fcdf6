#include "loopline/io/safetensors.h"

#include <map>
#include <span>
#include <vector>

#include "fuzzing.h"

namespace {

using namespace loopline;

void require_same(const io::SafetensorsHeader& header, const io::SafetensorsHeader& again) {
  fuzz::require(header.metadata == again.metadata, "metadata survive writing and reading");
  fuzz::require(header.tensors.size() == again.tensors.size(), "tensors survive");
  for (const auto& [name, entry] : header.tensors) {
    const auto found = again.tensors.find(name);
    fuzz::require(found != again.tensors.end() && found->second.dtype == entry.dtype &&
                      found->second.shape == entry.shape,
                  "a tensor has the dtype and shape that was written");
  }
}

void write_and_read(const io::SafetensorsHeader& header, std::uint64_t data_size) {
  const std::vector<std::byte> data(data_size);
  std::map<std::string, io::SafetensorsTensor> tensors;
  for (const auto& [name, entry] : header.tensors) {
    const auto bytes = std::span(data).subspan(entry.begin, entry.end - entry.begin);
    tensors[name] = {entry.dtype, entry.shape, bytes};
  }
  const auto path = fuzz::scratch_file("written.safetensors", "");
  io::write_safetensors(path, tensors, header.metadata);
  require_same(header, io::read_safetensors_header(path));
}

// The first byte is the size of the data, the rest the JSON header: its length before it fits.
void parse_json_header(const std::string& input) {
  const std::uint64_t data_size = static_cast<unsigned char>(input[0]);
  std::string bytes(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<char>((input.size() - 1) >> (8 * i) & 0xFF);
  }
  bytes.append(input, 1);
  fuzz::accepts([&] {
    write_and_read(io::parse_safetensors_header(bytes, bytes.size() + data_size, "header"),
                   data_size);
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input = fuzz::text_of(data, size);
  fuzz::accepts(
      [&] { io::read_safetensors_header(fuzz::scratch_file("file.safetensors", input)); });
  if (!input.empty()) parse_json_header(input);
  return 0;
}
