#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "loopline/denoiser/condition.h"
#include "loopline/io/model_bundle.h"
#include "loopline/tensor/precision.h"

namespace loopline::denoiser {

/// The seam between the algorithms and whatever runs the network. TorchScript is one backend
/// (load_denoiser); nothing above this header knows it.
///
/// Not thread-safe: one thread predicts at a time.
class Denoiser {
 public:
  virtual ~Denoiser() = default;

  /// The manifest the network came with.
  virtual const io::ModelBundle& spec() const = 0;

  /// The raw network output. latents float32 [N, C, H, W]; timesteps int64 [N], training timesteps
  /// (the manifest's dtype and scale are applied here; with `timestep.batch: scalar` all must be
  /// equal); condition with N rows. Returns float32 [N, C, H, W]. Records gradients unless a
  /// NoGradGuard is active.
  virtual at::Tensor predict(const at::Tensor& latents, const at::Tensor& timesteps,
                             const Condition& condition) = 0;

  /// All parameters by name, sharing storage with the network.
  virtual const std::map<std::string, at::Tensor>& parameters() const = 0;

  /// What multiplies each adapter (the manifest's `adapter`), sharing storage with the network: at
  /// 0 the adapters are off. Empty: the bundle has none.
  virtual const std::vector<at::Tensor>& adapter_scales() const = 0;

  virtual at::Device device() const = 0;

  /// Saves memory for time where gradients are recorded: activations are dropped in predict() and
  /// computed again in the backward pass, until which parameters and adapter scales must stay as
  /// they are. Same outputs; parameters' gradients only by way of backward(), not autograd::grad().
  /// Needs the manifest's `segments`, else it is an Error. Off at first.
  virtual void set_recompute(bool recompute) = 0;
};

/// Loads a bundle's TorchScript network and probes it: output shape and dtype, and mixed timesteps
/// against row-by-row calls (which catches baked batch sizes, train-mode norms and timesteps shared
/// by the batch); the manifest's segments against forward. Each failure is an Error that names file
/// and field. With kBFloat16 the network's forward runs under autocast; the probe runs in float32,
/// since it asks what the file computes, and rounding would blur the answer.
std::unique_ptr<Denoiser> load_denoiser(const io::ModelBundle& bundle, at::Device device,
                                        tensor::Precision precision = tensor::Precision::kFloat32);

/// Classifier-free guidance: unconditional + weight (conditional - unconditional) on the raw
/// output, from one forward over [unconditional; conditional]. weight 1 runs the conditional branch
/// alone.
at::Tensor predict_guided(Denoiser& denoiser, const at::Tensor& latents,
                          const at::Tensor& timesteps, const Condition& conditional,
                          const Condition& unconditional, double weight);

}  // namespace loopline::denoiser
