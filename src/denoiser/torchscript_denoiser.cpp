#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "loopline/core/error.h"
#include "loopline/core/text.h"
#include "loopline/denoiser/denoiser.h"
#include "loopline/tensor/precision.h"
#include "loopline/tensor/script_module.h"
#include "probe.h"
#include "segments.h"

namespace loopline::denoiser {
namespace {

std::vector<at::Tensor> find_adapter_scales(const io::ModelBundle& bundle,
                                            const tensor::ScriptModule& module) {
  if (!bundle.adapter) return {};
  const std::string& pattern = bundle.adapter->scale_buffer;
  std::vector<at::Tensor> scales;
  std::vector<std::string> names;
  for (const auto& [name, buffer] : module.buffers()) {
    names.push_back(name);
    if (matches_pattern(pattern, name)) scales.push_back(buffer);
  }
  if (!scales.empty()) return scales;
  const std::string near = nearest_name(pattern, names);
  throw Error(bundle.denoiser.string(),
              "no buffer is named \"" + pattern + "\", as adapter.scale_buffer in bundle.json says",
              near.empty() ? "its buffers: " + join(names) : "did you mean " + near + "?");
}

class TorchScriptDenoiser : public Denoiser {
 public:
  TorchScriptDenoiser(const io::ModelBundle& bundle, at::Device device)
      : bundle_(bundle),
        module_(std::make_shared<const tensor::ScriptModule>(bundle.denoiser, device)),
        adapter_scales_(find_adapter_scales(bundle, *module_)),
        device_(device) {}

  const io::ModelBundle& spec() const override { return bundle_; }
  const std::map<std::string, at::Tensor>& parameters() const override {
    return module_->parameters();
  }
  const std::vector<at::Tensor>& adapter_scales() const override { return adapter_scales_; }
  at::Device device() const override { return device_; }
  void set_recompute(bool recompute) override {
    if (recompute) check_segments();
    recompute_ = recompute;
  }
  void set_precision(tensor::Precision precision) { precision_ = precision; }

  at::Tensor predict(const at::Tensor& latents, const at::Tensor& timesteps,
                     const Condition& condition) override {
    std::vector<at::Tensor> arguments{latents, network_timesteps(timesteps)};
    for (const auto& [name, tensor] : condition.tensors()) arguments.push_back(tensor);
    const at::Tensor output = forward(arguments);
    if (output.sizes() != latents.sizes()) {
      throw Error(bundle_.denoiser.string(),
                  "the output has shape " + shape_text(output.sizes()) + ", latents have " +
                      shape_text(latents.sizes()),
                  "check latent, output.index and output.channels in bundle.json");
    }
    return output.to(at::kFloat);
  }

 private:
  at::Tensor forward(const std::vector<at::Tensor>& arguments) const {
    if (recompute_ && at::GradMode::is_enabled()) {
      return forward_recomputed({.module = module_,
                                 .methods = bundle_.segments,
                                 .file = bundle_.denoiser.string(),
                                 .device = device_,
                                 .precision = precision_,
                                 .output_index = bundle_.output_index},
                                arguments);
    }
    const tensor::AutocastScope autocast(device_, precision_);
    return module_->call(arguments, bundle_.output_index);
  }

  void check_segments() const {
    if (bundle_.segments.empty()) {
      throw Error("config: learner.recompute",
                  "the bundle " + bundle_.directory.string() + " has no segments",
                  "export it with segments, or leave learner.recompute off");
    }
    for (const std::string& method : bundle_.segments) {
      if (module_->has_method(method)) continue;
      throw Error(bundle_.denoiser.string(),
                  "has no method \"" + method + "\", which `segments` in bundle.json names",
                  "export both together");
    }
  }

  static std::string shape_text(at::IntArrayRef sizes) {
    std::string text = "[";
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      text += (i ? ", " : "") + std::to_string(sizes[i]);
    }
    return text + "]";
  }

  at::Tensor network_timesteps(const at::Tensor& timesteps) const {
    const at::Tensor one_or_all = bundle_.timestep.per_sample ? timesteps : timesteps.select(0, 0);
    if (bundle_.timestep.dtype == "int64" && bundle_.timestep.scale == 1) return one_or_all;
    const at::Tensor scaled = one_or_all.to(at::kDouble) * bundle_.timestep.scale;
    return bundle_.timestep.dtype == "int64" ? scaled.round().to(at::kLong) : scaled.to(at::kFloat);
  }

  io::ModelBundle bundle_;
  std::shared_ptr<const tensor::ScriptModule> module_;  ///< graphs hold on to it
  std::vector<at::Tensor> adapter_scales_;
  at::Device device_;
  tensor::Precision precision_ = tensor::Precision::kFloat32;
  bool recompute_ = false;
};

}  // namespace

std::unique_ptr<Denoiser> load_denoiser(const io::ModelBundle& bundle, at::Device device,
                                        tensor::Precision precision) {
  auto denoiser = std::make_unique<TorchScriptDenoiser>(bundle, device);
  probe(*denoiser);
  denoiser->set_precision(precision);
  return denoiser;
}

}  // namespace loopline::denoiser
