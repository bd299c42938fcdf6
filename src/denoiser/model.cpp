#include "loopline/denoiser/model.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "loopline/core/error.h"
#include "loopline/core/text.h"
#include "probe.h"

namespace loopline::denoiser {

Decoder::Decoder(const io::ModelBundle& bundle, at::Device device) : bundle_(bundle) {
  if (bundle.decoder) module_.emplace(*bundle.decoder, device);
}

at::Tensor Decoder::decode(const at::Tensor& latents) const {
  if (latents.size(0) <= batch_) return decode_batch(latents);
  std::vector<at::Tensor> images;
  for (const at::Tensor& part : latents.split(batch_)) images.push_back(decode_batch(part));
  return at::cat(images);
}

at::Tensor Decoder::decode_batch(const at::Tensor& latents) const {
  at::NoGradGuard no_grad;
  at::Tensor images = latents;
  if (module_) {
    images = module_->call({latents / bundle_.latent.scaling + bundle_.latent.shift});
  }
  const io::ImageSpec& spec = bundle_.image;
  const std::vector<std::int64_t> expected{latents.size(0), spec.channels, spec.height, spec.width};
  if (images.sizes() != at::IntArrayRef(expected)) {
    throw Error((bundle_.decoder ? *bundle_.decoder : bundle_.denoiser).string(),
                "decoded images do not have the shape that `image` in bundle.json states");
  }
  return ((images.to(at::kFloat) - spec.low) / (spec.high - spec.low)).clamp(0, 1);
}

Model load_model(const std::filesystem::path& bundle_directory, at::Device device,
                 tensor::Precision precision) {
  return load_model(io::load_model_bundle(bundle_directory), device, precision);
}

Model load_model(io::ModelBundle bundle, at::Device device, tensor::Precision precision) {
  Model model;
  model.bundle = std::move(bundle);
  model.denoiser = load_denoiser(model.bundle, device, precision);
  model.conditioner = std::make_unique<Conditioner>(model.bundle, device);
  model.decoder = std::make_unique<Decoder>(model.bundle, device);
  return model;
}

tensor::NamedTensors select_trainable(Denoiser& denoiser,
                                      const std::vector<std::string>& patterns) {
  const auto& wanted = patterns.empty() ? denoiser.spec().trainable_patterns : patterns;
  tensor::NamedTensors chosen;
  std::vector<std::string> names;
  for (const auto& [name, parameter] : denoiser.parameters()) {
    names.push_back(name);
    bool match = wanted.empty() && parameter.requires_grad();
    for (const std::string& pattern : wanted) match = match || matches_pattern(pattern, name);
    if (match) chosen.emplace(name, parameter);
  }
  for (const std::string& pattern : wanted) {
    bool used = false;
    for (const std::string& name : names) used = used || matches_pattern(pattern, name);
    if (!used) {
      const std::string near = nearest_name(pattern, names);
      throw Error("trainable",
                  "pattern \"" + pattern + "\" matches no parameter of " +
                      denoiser.spec().denoiser.string(),
                  near.empty() ? "`loopline inspect` lists them" : "did you mean " + near + "?");
    }
  }
  if (chosen.empty()) {
    throw Error("trainable",
                "no parameter of " + denoiser.spec().denoiser.string() + " requires a gradient",
                "name some in `trainable`");
  }
  for (const auto& [name, parameter] : denoiser.parameters()) {
    if (!at::isFloatingType(parameter.scalar_type())) continue;
    at::Tensor shared = parameter;
    shared.set_requires_grad(chosen.count(name) > 0);
  }
  for (const auto& [name, parameter] : chosen) {
    if (parameter.scalar_type() != at::kFloat) {
      throw Error("trainable", "parameter \"" + name + "\" is not float32",
                  "export the bundle in float32");
    }
  }
  return chosen;
}

void store_frozen_as(Denoiser& denoiser, const tensor::NamedTensors& trainable,
                     at::ScalarType type) {
  LOOPLINE_CHECK(type == at::kBFloat16 || type == at::kHalf, "frozen weights: bf16 or fp16");
  const auto is_trained = [&](const at::Tensor& parameter) {
    for (const auto& [name, trained] : trainable) {
      if (trained.is_same(parameter)) return true;  // tied weights have two names
    }
    return false;
  };
  // The CPU's autocast does not know the convolution operator that traces record.
  const std::int64_t most_dimensions = denoiser.device().is_cpu() ? 2 : 5;
  for (const auto& [name, parameter] : denoiser.parameters()) {
    if (!at::isFloatingType(parameter.scalar_type()) || is_trained(parameter)) continue;
    if (parameter.dim() < 2 || parameter.dim() > most_dimensions) continue;
    parameter.set_data(parameter.detach().to(type));
  }
  check_runs(denoiser, "frozen weights stored in " + std::string(at::toString(type)));
}

}  // namespace loopline::denoiser
