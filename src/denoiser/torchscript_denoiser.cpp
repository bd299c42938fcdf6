#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "loopline/core/error.h"
#include "loopline/denoiser/denoiser.h"
#include "loopline/tensor/json_tensor.h"
#include "loopline/tensor/script_module.h"

namespace loopline::denoiser {
namespace {

class TorchScriptDenoiser : public Denoiser {
 public:
  TorchScriptDenoiser(const io::ModelBundle& bundle, at::Device device)
      : bundle_(bundle), module_(bundle.denoiser, device), device_(device) {}

  const io::ModelBundle& spec() const override { return bundle_; }
  const std::map<std::string, at::Tensor>& parameters() const override {
    return module_.parameters();
  }
  at::Device device() const override { return device_; }

  at::Tensor predict(const at::Tensor& latents, const at::Tensor& timesteps,
                     const Condition& condition) override {
    std::vector<at::Tensor> arguments{latents, network_timesteps(timesteps)};
    for (const auto& [name, tensor] : condition.tensors()) arguments.push_back(tensor);
    const at::Tensor output = module_.call(arguments, bundle_.output_index);
    if (output.sizes() != latents.sizes()) {
      throw Error(bundle_.denoiser.string(),
                  "the output has shape " + shape_text(output.sizes()) + ", latents have " +
                      shape_text(latents.sizes()),
                  "check latent, output.index and output.channels in bundle.json");
    }
    return output.to(at::kFloat);
  }

 private:
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
  tensor::ScriptModule module_;
  at::Device device_;
};

/// Deterministic values of order one, so that the probe needs no generator.
at::Tensor wave(std::vector<std::int64_t> sizes, at::Device device) {
  std::int64_t count = 1;
  for (const std::int64_t size : sizes) count *= size;
  return at::sin(at::arange(count, at::TensorOptions(at::kFloat)) * 0.7310)
      .reshape(sizes)
      .to(device);
}

Condition probe_condition(const io::ModelBundle& bundle, std::int64_t rows, at::Device device) {
  Condition condition;
  for (const io::InputSpec& input : bundle.inputs) {
    std::vector<std::int64_t> sizes{rows};
    sizes.insert(sizes.end(), input.shape.begin(), input.shape.end());
    const at::ScalarType type = tensor::parse_scalar_type(input.dtype);
    condition.add(input.name, at::isFloatingType(type) ? wave(sizes, device).to(type)
                                                       : at::zeros(sizes, type).to(device));
  }
  return condition;
}

/// Three rows at once against the same rows one by one.
void probe(Denoiser& denoiser) {
  at::NoGradGuard no_grad;
  const io::ModelBundle& bundle = denoiser.spec();
  const std::string where = bundle.denoiser.string();
  const std::int64_t rows = 3, last = bundle.schedule.train_steps - 1;
  const at::Tensor latents = wave(
      {rows, bundle.latent.channels, bundle.latent.height, bundle.latent.width}, denoiser.device());
  const std::vector<std::int64_t> mixed = bundle.timestep.per_sample
                                              ? std::vector<std::int64_t>{last, last / 2, last / 10}
                                              : std::vector<std::int64_t>(3, last / 2);
  const at::Tensor timesteps = at::tensor(mixed, at::kLong).to(denoiser.device());
  const Condition condition = probe_condition(bundle, rows, denoiser.device());
  at::Tensor together;
  try {
    together = denoiser.predict(latents, timesteps, condition);
  } catch (const Error& error) {
    throw Error(where,
                std::string("a batch of 3 with mixed timesteps fails (") + error.what() + ")",
                "trace the network so that the batch size is free, and check `inputs` and "
                "`timestep` in bundle.json");
  }
  for (std::int64_t row = 0; row < rows; ++row) {
    const at::Tensor index = at::tensor({row}, at::kLong).to(denoiser.device());
    const at::Tensor alone = denoiser.predict(
        latents.index_select(0, index), timesteps.index_select(0, index), condition.select(index));
    const double scale = 1 + alone.abs().max().item<double>();
    const double difference = (alone[0] - together[row]).abs().max().item<double>();
    if (!(difference <= 1e-3 * scale)) {
      throw Error(where,
                  "row " + std::to_string(row) + " of a batch differs from the same row alone by " +
                      std::to_string(difference),
                  "export in eval mode with a free batch size and a timestep a sample (or set "
                  "timestep.batch: scalar)");
    }
  }
}

}  // namespace

std::unique_ptr<Denoiser> load_denoiser(const io::ModelBundle& bundle, at::Device device) {
  auto denoiser = std::make_unique<TorchScriptDenoiser>(bundle, device);
  probe(*denoiser);
  return denoiser;
}

}  // namespace loopline::denoiser
