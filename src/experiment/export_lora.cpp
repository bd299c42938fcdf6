#include "export_lora.h"

#include <ATen/ATen.h>

#include "loopline/core/error.h"
#include "loopline/denoiser/adapters.h"
#include "loopline/io/lora_names.h"

namespace loopline::experiment {
namespace {

using Adapters = std::map<std::string, denoiser::Adapter>;

std::string manifest_path(const TrainedNetwork& network) {
  return (network.plan.bundle.directory / "bundle.json").string();
}

/// The adapters, when they are all that training has changed.
Adapters adapters_alone(const TrainedNetwork& network) {
  const io::ModelBundle& bundle = network.plan.bundle;
  if (!bundle.adapter) {
    throw Error(manifest_path(network), "the model has no low-rank adapters (`adapter`)",
                "use --format merged, which holds all weights");
  }
  Adapters adapters = denoiser::find_adapters(bundle, network.module.parameters());
  std::set<std::string> others = network.changed;
  for (const auto& [layer, adapter] : adapters) {
    others.erase(adapter.down_name);
    others.erase(adapter.up_name);
  }
  if (!others.empty()) {
    throw Error("--format",
                "the run has trained more than adapters, " + std::to_string(others.size()) +
                    " others such as \"" + *others.begin() + "\", which a LoRA file cannot hold",
                "use --format merged");
  }
  return adapters;
}

/// W + scale B A, in float32; the sum is taken in float64.
at::Tensor with_adapter(const at::Tensor& weight, const denoiser::Adapter& adapter, double scale) {
  const at::Tensor up = adapter.up.detach().to(at::kDouble).flatten(1);
  const at::Tensor down = adapter.down.detach().to(at::kDouble).flatten(1);
  const at::Tensor change = scale * at::mm(up, down);
  return (weight.to(at::kDouble) + change.reshape(weight.sizes())).to(at::kFloat);
}

/// Whether B A has the shape of the weight; not with B of more than one pixel or with groups.
bool fits(const at::Tensor& weight, const denoiser::Adapter& adapter) {
  const at::Tensor &up = adapter.up, &down = adapter.down;
  if (up.numel() != up.size(0) * up.size(1) || weight.dim() != down.dim()) return false;
  return weight.size(0) == up.size(0) && weight.sizes().slice(1) == down.sizes().slice(1);
}

void merge(tensor::NamedTensors& state, const Adapters& adapters, const TrainedNetwork& network) {
  for (const auto& [layer, adapter] : adapters) {
    const auto found = state.find(layer + ".weight");
    if (found == state.end()) {
      throw Error(manifest_path(network), "the adapted layer " + layer + " has no weight",
                  "its base must be named \"" + layer + ".base_layer.weight\"");
    }
    if (!fits(found->second, adapter)) {
      throw Error(manifest_path(network),
                  "the adapter of " + layer + " has not the shape of the layer's weight",
                  "Loopline merges adapters of linear layers and of convolutions without groups");
    }
    found->second =
        with_adapter(found->second, adapter, denoiser::adapter_scale(network.plan.bundle));
  }
}

}  // namespace

tensor::NamedTensors diffusers_lora(const TrainedNetwork& network) {
  tensor::NamedTensors file;
  for (const auto& [layer, adapter] : adapters_alone(network)) {
    const double scale = denoiser::adapter_scale(network.plan.bundle);
    file[io::diffusers_lora_key({layer, io::LoraPart::kDown})] = adapter.down.detach();
    file[io::diffusers_lora_key({layer, io::LoraPart::kUp})] = adapter.up.detach() * scale;
  }
  return file;
}

tensor::NamedTensors kohya_lora(const TrainedNetwork& network) {
  tensor::NamedTensors file;
  for (const auto& [layer, adapter] : adapters_alone(network)) {
    const auto put = [&, &path = layer](io::LoraPart part, const at::Tensor& tensor) {
      if (!file.emplace(io::kohya_lora_key({path, part}), tensor.detach()).second) {
        throw Error("--format kohya", "two layers become one name, " + io::kohya_layer(path),
                    "use --format diffusers");
      }
    };
    put(io::LoraPart::kDown, adapter.down);
    put(io::LoraPart::kUp, adapter.up);
    put(io::LoraPart::kAlpha, at::full({}, network.plan.bundle.adapter->alpha, at::kFloat));
  }
  return file;
}

tensor::NamedTensors merged_state(const TrainedNetwork& network) {
  const io::ModelBundle& bundle = network.plan.bundle;
  const Adapters adapters = denoiser::find_adapters(bundle, network.module.parameters());
  tensor::NamedTensors state;
  // Buffers stay out: those of a traced UNet (frequencies of the time projection, scales of the
  // adapters) are none that diffusers' state dict knows.
  for (const auto& [parameter, tensor] : network.module.parameters()) {
    const std::string name = denoiser::exported_name(bundle, parameter);
    if (io::parse_peft_lora(name)) {
      if (bundle.adapter) continue;
      throw Error(manifest_path(network),
                  "has no `adapter`, but the network has \"" + parameter + "\"",
                  "without rank and alpha it cannot be merged");
    }
    const std::string plain = io::unadapted_name(name);
    if (!state.emplace(plain, tensor.detach().to(at::kFloat)).second) {
      throw Error(manifest_path(network), "two parameters get the name \"" + plain + "\"",
                  "mend trainable.names");
    }
  }
  merge(state, adapters, network);
  return state;
}

}  // namespace loopline::experiment
