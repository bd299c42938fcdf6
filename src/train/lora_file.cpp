#include "loopline/train/lora_file.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

#include "loopline/core/error.h"
#include "loopline/core/text.h"
#include "loopline/denoiser/adapters.h"
#include "loopline/io/lora_names.h"
#include "lora_layers.h"

namespace loopline::train {
namespace {

namespace fs = std::filesystem;
using Adapters = std::map<std::string, denoiser::Adapter>;

/// The bundle's adapters by the names that layers have in a file.
Adapters named_as_in_file(const Adapters& adapters, bool kohya) {
  if (!kohya) return adapters;
  Adapters renamed;
  for (const auto& [layer, adapter] : adapters) {
    if (!renamed.emplace(io::kohya_layer(layer), adapter).second) {
      throw Error("config: init_from",
                  "two layers of the bundle have kohya's name " + io::kohya_layer(layer),
                  "use a file with diffusers' names");
    }
  }
  return renamed;
}

void check_layers(const fs::path& path, const LoraLayers& file, const Adapters& adapters) {
  std::vector<std::string> strange, known;
  for (const auto& [name, adapter] : adapters) known.push_back(name);
  for (const auto& [name, layer] : file.layers) {
    if (adapters.count(name) == 0) strange.push_back(name);
  }
  if (strange.empty()) return;
  throw Error(path.string(),
              std::to_string(strange.size()) + " of its " + std::to_string(file.layers.size()) +
                  " layers have no adapter in the bundle, such as " + strange.front(),
              "export the bundle with adapters there (it has them on layers such as " +
                  known.front() + ")");
}

std::int64_t highest_rank(const LoraLayers& file) {
  std::int64_t rank = 0;
  for (const auto& [name, layer] : file.layers) rank = std::max(rank, layer.down.size(0));
  return rank;
}

void check_rank(const fs::path& path, std::int64_t rank, const io::ModelBundle& bundle) {
  if (rank <= bundle.adapter->rank) return;
  throw Error(path.string(),
              "has rank " + std::to_string(rank) + ", the bundle's adapters rank " +
                  std::to_string(bundle.adapter->rank),
              "export the bundle with adapters of rank " + std::to_string(rank));
}

/// Whether only the rank, side `rank_side` of both, differs.
bool same_but_rank(const at::Tensor& file, const at::Tensor& own, std::int64_t rank_side) {
  if (file.dim() != own.dim()) return false;
  for (std::int64_t side = 0; side < own.dim(); ++side) {
    if (side != rank_side && file.size(side) != own.size(side)) return false;
  }
  return true;
}

/// The file's A, and below the bundle's rows: with the zeros of B they add nothing, and having them
/// B gets a gradient.
at::Tensor fitted_down(const LoraLayer& layer, const denoiser::Adapter& own) {
  const std::int64_t rank = layer.down.size(0);
  return at::cat({layer.down, own.down.detach().slice(0, rank).to(at::kFloat)}, 0);
}

at::Tensor fitted_up(const LoraLayer& layer, const denoiser::Adapter& own, double own_scale) {
  at::Tensor up = at::zeros_like(own.up, at::TensorOptions(at::kFloat));
  up.narrow(1, 0, layer.up.size(1)).copy_(layer.up * (layer.scale / own_scale));
  return up;
}

std::string summary(const fs::path& path, const LoraLayers& file, const Adapters& adapters,
                    std::int64_t rank) {
  const std::size_t missing = adapters.size() - file.layers.size();
  return "starts from the LoRA " + path.string() + ": " + std::to_string(file.layers.size()) +
         " layers, rank " + std::to_string(rank) +
         (missing == 0
              ? ""
              : "; " + std::to_string(missing) + " further adapters start as the bundle has them");
}

}  // namespace

LoraWeights read_lora_file(const fs::path& path, const io::ModelBundle& bundle,
                           const tensor::NamedTensors& parameters) {
  if (!bundle.adapter) {
    throw Error("config: init_from",
                path.string() + " is a LoRA file, and the model has no adapters",
                "export the bundle with adapters, or start from a run directory");
  }
  const LoraLayers file = read_lora_layers(path);
  const Adapters adapters =
      named_as_in_file(denoiser::find_adapters(bundle, parameters), file.kohya);
  check_layers(path, file, adapters);
  const std::int64_t rank = highest_rank(file);
  check_rank(path, rank, bundle);
  LoraWeights weights;
  for (const auto& [name, layer] : file.layers) {
    const denoiser::Adapter& own = adapters.at(name);
    if (!same_but_rank(layer.down, own.down, 0) || !same_but_rank(layer.up, own.up, 1)) {
      throw Error(path.string(), name + " has other sizes than in the bundle",
                  "use a LoRA of the same model");
    }
    weights.tensors[own.down_name] = fitted_down(layer, own);
    weights.tensors[own.up_name] = fitted_up(layer, own, denoiser::adapter_scale(bundle));
  }
  weights.summary = summary(path, file, adapters, rank);
  return weights;
}

}  // namespace loopline::train
