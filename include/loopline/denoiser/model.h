#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
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

  /// Saves memory: at most so many images in one call of the network. Unlimited at first.
  void set_batch(std::int64_t images) { batch_ = images; }

 private:
  at::Tensor decode_batch(const at::Tensor& latents) const;

  io::ModelBundle bundle_;
  std::optional<tensor::ScriptModule> module_;
  std::int64_t batch_ = std::numeric_limits<std::int64_t>::max();
};

/// A bundle ready to run: everything from prompt to picture except the sampler.
struct Model {
  io::ModelBundle bundle;
  std::unique_ptr<Denoiser> denoiser;
  std::unique_ptr<Conditioner> conditioner;
  std::unique_ptr<Decoder> decoder;
};

/// Loads what a manifest that was already read names. The text encoder and the decoder run in
/// float32 whatever `precision` says: they run once a sample, and their errors are seen.
Model load_model(io::ModelBundle bundle, at::Device device,
                 tensor::Precision precision = tensor::Precision::kFloat32);

/// The same, reading and hashing the bundle first.
Model load_model(const std::filesystem::path& bundle_directory, at::Device device,
                 tensor::Precision precision = tensor::Precision::kFloat32);

/// Chooses what is trained: parameters whose name matches one of the patterns (shell patterns;
/// empty: the bundle's own, and without those everything that requires a gradient in the file). All
/// others are frozen. Patterns that match nothing are an Error listing near names. The tensors
/// share storage with the network.
tensor::NamedTensors select_trainable(Denoiser& denoiser, const std::vector<std::string>& patterns);

/// Halves the memory of what is not trained: floating parameters of two dimensions and more (on the
/// CPU of two: its convolutions stay as they are) that are not in `trainable` become `type`
/// (bfloat16 or float16) in place. Biases and the weights of norms stay float32, which their
/// kernels need. For a denoiser that was loaded with kBFloat16,
/// whose autocast joins the types. A network that cannot run this way is an Error.
void store_frozen_as(Denoiser& denoiser, const tensor::NamedTensors& trainable,
                     at::ScalarType type);

}  // namespace loopline::denoiser
