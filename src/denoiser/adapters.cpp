#include "loopline/denoiser/adapters.h"

#include <ATen/core/Tensor.h>

#include "loopline/core/error.h"
#include "loopline/io/lora_names.h"

namespace loopline::denoiser {
namespace {

[[noreturn]] void contradiction(const io::ModelBundle& bundle, const std::string& what) {
  throw Error((bundle.directory / "bundle.json").string(), what,
              "export the bundle again, or mend `adapter` there");
}

void check_complete(const io::ModelBundle& bundle, const std::string& layer,
                    const Adapter& adapter) {
  const std::string where = "the adapter of " + layer;
  if (!adapter.down.defined() || !adapter.up.defined()) {
    contradiction(bundle, where + " has no " + (adapter.up.defined() ? "lora_A" : "lora_B"));
  }
  const std::int64_t rank = bundle.adapter->rank;
  if (adapter.down.dim() < 2 || adapter.up.dim() < 2 || adapter.down.size(0) != rank ||
      adapter.up.size(1) != rank) {
    contradiction(bundle, where + " has not the rank " + std::to_string(rank) + " of `adapter`");
  }
}

}  // namespace

bool is_adapter(const std::string& parameter) {
  return parameter.find(".lora_") != std::string::npos;
}

std::string exported_name(const io::ModelBundle& bundle, const std::string& parameter) {
  const auto named = bundle.trainable_names.find(parameter);
  return named == bundle.trainable_names.end() ? parameter : named->second;
}

double adapter_scale(const io::ModelBundle& bundle) {
  return bundle.adapter->alpha / static_cast<double>(bundle.adapter->rank);
}

std::map<std::string, Adapter> find_adapters(const io::ModelBundle& bundle,
                                             const tensor::NamedTensors& parameters) {
  std::map<std::string, Adapter> adapters;
  if (!bundle.adapter) return adapters;
  for (const auto& [name, tensor] : parameters) {
    const auto lora = io::parse_peft_lora(exported_name(bundle, name));
    if (!lora && is_adapter(name)) {
      contradiction(bundle, "the adapters have more than A and B, \"" + name + "\"");
    }
    if (!lora) continue;
    Adapter& adapter = adapters[lora->layer];
    const bool down = lora->part == io::LoraPart::kDown;
    if ((down ? adapter.down : adapter.up).defined()) {
      contradiction(bundle, "the network has two adapters at " + lora->layer);
    }
    (down ? adapter.down_name : adapter.up_name) = name;
    (down ? adapter.down : adapter.up) = tensor;
  }
  if (adapters.empty()) {
    contradiction(bundle,
                  "no parameter is named as an adapter's (\"LAYER.lora_A.default.weight\")");
  }
  for (const auto& [layer, adapter] : adapters) check_complete(bundle, layer, adapter);
  return adapters;
}

}  // namespace loopline::denoiser
