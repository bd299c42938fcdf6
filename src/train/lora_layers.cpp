#include "lora_layers.h"

#include <ATen/ATen.h>

#include <cmath>
#include <optional>

#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/io/lora_alpha.h"
#include "loopline/io/lora_names.h"
#include "loopline/tensor/tensor_file.h"

namespace loopline::train {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostConfigBytes = 1 << 20;

/// Where the alpha of files that hold none in their tensors stands, if anywhere.
io::LoraAlpha find_alpha(const fs::path& path) {
  const auto metadata = io::read_safetensors_header(path).metadata;
  const auto own = metadata.find("lora_adapter_metadata");
  if (own != metadata.end()) return {own->second, path.string() + ": lora_adapter_metadata"};
  const fs::path config = path.parent_path() / "adapter_config.json";
  // The names that PEFT gives its two files; others may lie in a directory with another LoRA's.
  if (path.filename() != "adapter_model.safetensors" || !fs::exists(config)) return {};
  return {read_file(config, kMostConfigBytes), config.string()};
}

/// In float32, of finite numbers.
at::Tensor checked(const fs::path& path, const std::string& key, const at::Tensor& tensor) {
  const at::Tensor plain = tensor.to(at::kFloat);
  if (!tensor.is_floating_point() || !at::isfinite(plain).all().item<bool>()) {
    throw Error(path.string(), "\"" + key + "\" holds no finite floating-point numbers",
                "use another LoRA file");
  }
  return plain;
}

io::LoraName parse_key(const fs::path& path, const std::string& key, bool kohya) {
  if (io::is_text_encoder_lora(key)) {
    throw Error(path.string(), "has adapters of a text encoder (\"" + key + "\")",
                "Loopline trains the denoiser only: use a LoRA of the UNet alone");
  }
  const auto name = kohya ? io::parse_kohya_lora(key) : io::parse_peft_lora(key);
  if (name) return *name;
  throw Error(path.string(), "\"" + key + "\" is no tensor of a LoRA that Loopline knows",
              "use a plain LoRA under the names of diffusers, PEFT or kohya (docs/bundles.md)");
}

void check_layer(const fs::path& path, const std::string& name, const LoraLayer& layer) {
  const std::string where = path.string() + ": " + name;
  if (!layer.down.defined() || !layer.up.defined()) {
    throw Error(where, std::string("has no ") + (layer.down.defined() ? "B (up)" : "A (down)"),
                "use a complete LoRA file");
  }
  if (layer.down.dim() < 2 || layer.up.dim() < 2 || layer.down.size(0) == 0 ||
      layer.down.size(0) != layer.up.size(1)) {
    throw Error(where, "A and B have no rank in common", "use a complete LoRA file");
  }
}

}  // namespace

LoraLayers read_lora_layers(const fs::path& path) {
  LoraLayers file;
  std::map<std::string, double> alphas;
  const tensor::NamedTensors tensors = tensor::load_tensors(path);
  for (const auto& [key, tensor] : tensors)
    file.kohya = file.kohya || key.starts_with("lora_unet_");
  for (const auto& [key, tensor] : tensors) {
    const io::LoraName name = parse_key(path, key, file.kohya);
    const at::Tensor value = checked(path, key, tensor);
    if (name.part == io::LoraPart::kAlpha) {
      if (value.numel() != 1) throw Error(path.string(), "\"" + key + "\" is not one number");
      alphas[name.layer] = value.item<double>();
      continue;
    }
    LoraLayer& layer = file.layers[name.layer];
    at::Tensor& place = name.part == io::LoraPart::kDown ? layer.down : layer.up;
    if (place.defined()) throw Error(path.string(), "has two adapters at " + name.layer);
    place = value;
  }
  if (file.layers.empty()) throw Error(path.string(), "holds no adapters", "name a LoRA file");
  const io::LoraAlpha alpha = file.kohya ? io::LoraAlpha() : find_alpha(path);
  for (auto& [name, layer] : file.layers) {
    check_layer(path, name, layer);
    const auto own = alphas.find(name);
    layer.scale = own == alphas.end() ? alpha.scale(name, layer.down.size(0))
                                      : own->second / static_cast<double>(layer.down.size(0));
  }
  return file;
}

}  // namespace loopline::train
