#include "loopline/experiment/inspect.h"

#include <ATen/ATen.h>

#include <cstdio>

#include "loopline/core/error.h"
#include "loopline/core/log.h"
#include "loopline/core/text.h"
#include "loopline/denoiser/model.h"
#include "loopline/io/reward_bundle.h"
#include "loopline/io/safetensors.h"
#include "loopline/io/torchscript_archive.h"
#include "loopline/reward/reward.h"
#include "loopline/run/checkpoint.h"
#include "loopline/run/metrics.h"
#include "loopline/run/run_directory.h"
#include "loopline/tensor/script_module.h"
#include "loopline/train/config.h"

namespace loopline::experiment {
namespace {

using Json = nlohmann::ordered_json;

Json list_tensors(const tensor::NamedTensors& tensors) {
  Json list = Json::array();
  for (const auto& [name, tensor] : tensors) {
    list.push_back({{"name", name},
                    {"dtype", at::toString(tensor.scalar_type())},
                    {"shape", tensor.sizes().vec()}});
  }
  return list;
}

/// "cpu in aten::arange (mended at load for other devices)", each once with its number.
std::vector<std::string> device_constants(const tensor::ScriptModule& module) {
  std::map<std::string, std::int64_t> counts;
  for (const tensor::DeviceConstant& constant : module.device_constants()) {
    ++counts[constant.device + " in " + constant.op +
             (constant.movable ? " (mended at load for other devices)"
                               : " (the file runs on no other device)")];
  }
  std::vector<std::string> lines;
  for (const auto& [line, count] : counts) {
    lines.push_back(line + (count > 1 ? ", " + std::to_string(count) + " times" : ""));
  }
  return lines;
}

/// "lora, rank 8, alpha 8", or "none".
std::string adapter_line(const io::ModelBundle& bundle) {
  if (!bundle.adapter) return "none";
  char alpha[32];
  std::snprintf(alpha, sizeof alpha, "%g", bundle.adapter->alpha);
  return bundle.adapter->kind + ", rank " + std::to_string(bundle.adapter->rank) + ", alpha " +
         alpha;
}

/// "37, all listed"; what is not was allowed by --trust.
std::string operators_line(const std::set<std::string>& operators) {
  std::vector<std::string> trusted;
  for (const std::string& name : operators) {
    if (!io::is_listed_operator(name)) trusted.push_back(name);
  }
  return std::to_string(operators.size()) +
         (trusted.empty() ? ", all listed" : ", trusted: " + join(trusted));
}

/// What the code of a bundle's files uses.
struct CodeOfBundle {
  std::vector<std::string> devices;  ///< each line with its file's name
  std::set<std::string> operators;
};

CodeOfBundle code_of(const io::ModelBundle& bundle) {
  CodeOfBundle code;
  for (const auto& file : {std::optional(bundle.denoiser), bundle.text_encoder, bundle.decoder}) {
    if (!file) continue;
    const tensor::ScriptModule module(*file, at::kCPU);
    for (const std::string& line : device_constants(module)) {
      code.devices.push_back(file->filename().string() + ": " + line);
    }
    code.operators.insert(module.operators().begin(), module.operators().end());
  }
  return code;
}

Json inspect_script(const std::filesystem::path& path) {
  const tensor::ScriptModule module(path, at::kCPU);
  std::int64_t count = 0;
  for (const auto& [name, tensor] : module.parameters()) count += tensor.numel();
  return {{"kind", "TorchScript"},
          {"operators", operators_line(module.operators())},
          {"parameters_total", count},
          {"device_constants", device_constants(module)},
          {"parameters", list_tensors(module.parameters())},
          {"buffers", list_tensors(module.buffers())}};
}

Json inspect_bundle(const std::filesystem::path& path) {
  const io::ModelBundle bundle = io::load_model_bundle(path);
  const CodeOfBundle code = code_of(bundle);
  denoiser::Model model = denoiser::load_model(bundle, at::kCPU);
  const tensor::NamedTensors trainable = denoiser::select_trainable(*model.denoiser, {});
  Json parameters = Json::array();
  std::int64_t count = 0, trained = 0;
  for (const auto& [name, tensor] : model.denoiser->parameters()) {
    const bool train = trainable.count(name) > 0;
    count += tensor.numel();
    if (train) trained += tensor.numel();
    parameters.push_back({{"name", name},
                          {"dtype", at::toString(tensor.scalar_type())},
                          {"shape", tensor.sizes().vec()},
                          {"trainable", train}});
  }
  Json inputs = Json::array();
  for (const io::InputSpec& input : bundle.inputs) {
    inputs.push_back({{"name", input.name}, {"dtype", input.dtype}, {"shape", input.shape}});
  }
  return {{"kind", "model bundle"},
          {"name", bundle.name},
          {"hash", bundle.hash},
          {"latent", {bundle.latent.channels, bundle.latent.height, bundle.latent.width}},
          {"image", {bundle.image.channels, bundle.image.height, bundle.image.width}},
          {"inputs", inputs},
          {"steps", bundle.transition.steps},
          {"eta", bundle.transition.eta},
          {"guidance", bundle.transition.guidance},
          {"adapter", adapter_line(bundle)},
          {"segments", bundle.segments.size()},
          {"operators", operators_line(code.operators)},
          {"parameters_total", count},
          {"parameters_trainable", trained},
          {"device_constants", code.devices},
          {"parameters", parameters},
          {"provenance", bundle.provenance}};
}

Json inspect_reward(const std::filesystem::path& path) {
  const io::RewardBundle bundle = io::load_reward_bundle(path);
  reward::make_reward(path, at::kCPU);  // loads the network, too
  return {{"kind", "reward bundle"},
          {"name", bundle.name},
          {"hash", bundle.hash},
          {"image", {bundle.image.channels, bundle.image.height, bundle.image.width}},
          {"components", bundle.components},
          {"total", bundle.components[static_cast<std::size_t>(bundle.total)]},
          {"operators", operators_line(tensor::ScriptModule(bundle.model, at::kCPU).operators())},
          {"provenance", bundle.provenance}};
}

Json inspect_safetensors(const std::filesystem::path& path) {
  const io::SafetensorsHeader header = io::read_safetensors_header(path);
  Json tensors = Json::array();
  for (const auto& [name, entry] : header.tensors) {
    tensors.push_back(
        {{"name", name}, {"dtype", io::dtype_name(entry.dtype)}, {"shape", entry.shape}});
  }
  return {{"kind", "safetensors"}, {"metadata", header.metadata}, {"tensors", tensors}};
}

Json inspect_checkpoint(const std::filesystem::path& path) {
  const run::Checkpoint checkpoint = run::read_checkpoint(path);
  Json result{
      {"kind", "checkpoint"}, {"iteration", checkpoint.iteration}, {"state", checkpoint.state}};
  result["trainable"] = inspect_safetensors(path / "trainable.safetensors")["tensors"];
  return result;
}

Json inspect_run(const std::filesystem::path& path) {
  const auto directory = run::RunDirectory::open(path);
  const train::TrainConfig config = train::read_train_config(directory.config(), {});
  Json result{{"kind", "run"},
              {"algorithm", config.algorithm},
              {"model", config.model},
              {"seed", config.seed},
              {"iterations_planned", config.iterations}};
  const auto checkpoint = run::latest_checkpoint(directory.checkpoints(), log_warning);
  result["checkpoint"] = checkpoint ? Json(checkpoint->directory.string()) : Json();
  if (std::filesystem::exists(directory.metrics())) {
    const auto lines = run::MetricsLog::read(directory.metrics());
    if (!lines.empty()) result["last_metrics"] = lines.back();
  }
  return result;
}

}  // namespace

Json inspect(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  if (!fs::exists(path)) throw Error(path.string(), "does not exist");
  if (fs::exists(path / "bundle.json")) return inspect_bundle(path);
  if (fs::exists(path / "reward.json")) return inspect_reward(path);
  if (run::RunDirectory::is_run(path)) return inspect_run(path);
  if (fs::exists(path / "state.json")) return inspect_checkpoint(path);
  if (path.extension() == ".safetensors") return inspect_safetensors(path);
  if (path.extension() == ".ts" || path.extension() == ".pt") return inspect_script(path);
  throw Error(path.string(),
              "is no model bundle (bundle.json), reward bundle (reward.json), run (config.yaml, "
              "run.json), checkpoint (state.json), .safetensors or TorchScript (.ts, .pt) file");
}

}  // namespace loopline::experiment
