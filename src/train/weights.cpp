#include "loopline/train/weights.h"

#include <ATen/ATen.h>

#include "loopline/core/error.h"
#include "loopline/core/hash.h"
#include "loopline/core/log.h"
#include "loopline/core/text.h"
#include "loopline/run/checkpoint.h"
#include "loopline/tensor/device.h"
#include "loopline/tensor/precision.h"
#include "loopline/train/best_checkpoint.h"

namespace loopline::train {

tensor::NamedTensors initial_weights(const run::RunDirectory& directory) {
  if (!std::filesystem::exists(directory.initial_weights())) return {};
  return tensor::load_tensors(directory.initial_weights());
}

namespace {

run::Checkpoint find_checkpoint(const run::RunDirectory& directory, const std::string& which) {
  if (which == "latest") {
    const auto found = run::latest_checkpoint(directory.checkpoints(), log_warning);
    if (found) return *found;
    throw Error(directory.path().string(), "has no intact checkpoint yet",
                "let it train, or `loopline resume` it");
  }
  const std::string wanted = which == "best" ? std::to_string(best_checkpoint(directory)) : which;
  std::vector<std::string> there;
  for (const auto& path : run::list_checkpoints(directory.checkpoints())) {
    there.push_back(std::to_string(run::iteration_of(path)));
    if (there.back() == wanted) return run::read_checkpoint(path);
  }
  throw Error(directory.path().string(), "has no checkpoint \"" + which + "\"",
              "give latest, best" + (there.empty() ? "" : " or one of " + join(there)));
}

}  // namespace

TrainedWeights trained_weights(const run::RunDirectory& directory, const WeightsChoice& which) {
  const run::Checkpoint checkpoint = find_checkpoint(directory, which.checkpoint);
  const auto file =
      checkpoint.directory / (which.average ? "ema.safetensors" : "trainable.safetensors");
  if (which.average && !std::filesystem::exists(file)) {
    throw Error(checkpoint.directory.string(), "holds no moving average",
                "train with ema.decay, for example --set ema.decay=0.99");
  }
  TrainedWeights weights{initial_weights(directory), checkpoint.iteration};
  for (auto& [name, tensor] : tensor::load_tensors(file)) {
    weights.tensors.insert_or_assign(name, std::move(tensor));
  }
  return weights;
}

void lay_over(const tensor::NamedTensors& weights, denoiser::Denoiser& denoiser,
              const std::string& where) {
  tensor::NamedTensors target;
  for (const auto& [name, tensor] : weights) {
    const auto found = denoiser.parameters().find(name);
    if (found == denoiser.parameters().end()) {
      throw failure(where, "the network has no parameter \"" + name + "\"");
    }
    target.emplace(name, found->second);
  }
  tensor::copy_tensors(weights, target, where);
}

denoiser::Model load_network(const TrainPlan& plan, const tensor::NamedTensors& initial) {
  const at::Device device = tensor::parse_device(plan.config.device);
  denoiser::Model model = denoiser::load_model(
      plan.bundle, device, tensor::parse_precision(plan.config.precision, device));
  lay_over(initial, *model.denoiser, "init.safetensors");
  return model;
}

std::string content_hash(const tensor::NamedTensors& weights) {
  if (weights.empty()) return "";
  std::string lines;
  for (const auto& [name, tensor] : weights) {
    const at::Tensor host = tensor.detach().to(at::kCPU).contiguous();
    lines += name + " " + at::toString(host.scalar_type());
    for (const std::int64_t side : host.sizes()) lines.append(" ").append(std::to_string(side));
    lines += ' ' + sha256({static_cast<const char*>(host.const_data_ptr()), host.nbytes()}) + "\n";
  }
  return sha256(lines);
}

}  // namespace loopline::train
