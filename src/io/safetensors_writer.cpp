#include <algorithm>

#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/io/safetensors.h"

#include <nlohmann/json.hpp>

namespace loopline::io {
namespace {

constexpr std::size_t kHeaderAlignment = 8;

using Item = std::pair<const std::string, SafetensorsTensor>;

void check_tensor(const Item& item) {
  const auto& [name, tensor] = item;
  LOOPLINE_CHECK(name != "__metadata__", "a tensor cannot be named __metadata__");
  std::size_t bytes = dtype_size(tensor.dtype);
  for (const std::int64_t size : tensor.shape) bytes *= static_cast<std::size_t>(size);
  LOOPLINE_CHECK(bytes == tensor.bytes.size(),
                 "the bytes of tensor " + name + " do not fit its shape");
}

// Descending alignment keeps every tensor aligned, as the header's length is a multiple of 8.
std::vector<const Item*> in_file_order(const std::map<std::string, SafetensorsTensor>& tensors) {
  std::vector<const Item*> order;
  for (const Item& item : tensors) order.push_back(&item);
  std::stable_sort(order.begin(), order.end(), [](const Item* a, const Item* b) {
    return dtype_size(a->second.dtype) > dtype_size(b->second.dtype);
  });
  return order;
}

std::string header_text(const std::vector<const Item*>& order,
                        const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t position = 0;
  for (const Item* item : order) {
    const SafetensorsTensor& tensor = item->second;
    nlohmann::ordered_json& entry = header[item->first];
    entry["dtype"] = std::string(dtype_name(tensor.dtype));
    entry["shape"] = tensor.shape;
    entry["data_offsets"] = {position, position + tensor.bytes.size()};
    position += tensor.bytes.size();
  }
  std::string text = header.dump();
  text.resize((text.size() + kHeaderAlignment - 1) / kHeaderAlignment * kHeaderAlignment, ' ');
  return text;
}

}  // namespace

void write_safetensors(const std::filesystem::path& path,
                       const std::map<std::string, SafetensorsTensor>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  for (const Item& item : tensors) check_tensor(item);
  const std::vector<const Item*> order = in_file_order(tensors);
  const std::string header = header_text(order, metadata);
  std::string length(8, '\0');
  for (std::size_t i = 0; i < length.size(); ++i) {
    length[i] = static_cast<char>(header.size() >> (8 * i) & 0xFF);
  }
  FileWriter file(path);
  file.write(length + header);
  for (const Item* item : order) {
    const auto bytes = item->second.bytes;
    file.write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  file.close();
}

}  // namespace loopline::io
