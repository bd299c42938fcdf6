#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "loopline/denoiser/conditioner.h"
#include "loopline/denoiser/denoiser.h"
#include "loopline/tensor/tensor_file.h"

namespace loopline::denoiser {

/// Latents to images: the bundle's decoder (or nothing, for pixel-space models) and its data range.
class Decoder {
 public:
  Decoder(const io::ModelBundle& bundle, at::Device device);

  /// float32 [N, C, H, W] -> [N, image.channels, image.height, image.width] in [0, 1], clamped.
  at::Tensor decode(const at::Tensor& latents) const;

 private:
  io::ModelBundle bundle_;
  std::optional<tensor::ScriptModule> module_;
};

/// A bundle ready to run: everything from prompt to picture except the sampler.
struct Model {
  io::ModelBundle bundle;
  std::unique_ptr<Denoiser> denoiser;
  std::unique_ptr<Conditioner> conditioner;
  std::unique_ptr<Decoder> decoder;
};

Model load_model(const std::filesystem::path& bundle_directory, at::Device device);

/// Chooses what is trained: parameters whose name matches one of the patterns (shell patterns;
/// empty: the bundle's own, and without those everything that requires a gradient in the file). All
/// others are frozen. Patterns that match nothing are an Error listing near names. The tensors
/// share storage with the network.
tensor::NamedTensors select_trainable(Denoiser& denoiser, const std::vector<std::string>& patterns);

}  // namespace loopline::denoiser
