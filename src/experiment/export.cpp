#include "loopline/experiment/export.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/core/hash.h"
#include "loopline/core/text.h"
#include "loopline/run/run_directory.h"
#include "loopline/tensor/script_module.h"
#include "loopline/tensor/tensor_file.h"
#include "loopline/train/plan.h"
#include "loopline/train/weights.h"

namespace loopline::experiment {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// A run's network as it is after training, and where it came from.
struct TrainedNetwork {
  train::TrainPlan plan;
  std::string config_hash;
  tensor::ScriptModule module;
  std::int64_t iteration;
  bool average;
};

TrainedNetwork load(const run::RunDirectory& run, const train::WeightsChoice& choice) {
  train::TrainPlan plan = train::load_train_plan(run.config());
  tensor::ScriptModule module(plan.bundle.denoiser, at::kCPU);
  const train::TrainedWeights weights = train::trained_weights(run, choice);
  tensor::NamedTensors target;
  for (const auto& [name, parameter] : module.parameters()) {
    if (weights.tensors.count(name) > 0) target.emplace(name, parameter.detach());
  }
  tensor::copy_tensors(weights.tensors, target, run.path().string());
  return {std::move(plan), sha256_file(run.config()), std::move(module), weights.iteration,
          choice.average};
}

/// The fields of a manifest's `transition` in which a run's sampler differs from it.
void lay_sampler_over(Json& transition, const io::TransitionSpec& bundle,
                      const io::TransitionSpec& run) {
  const auto lay = [&](const char* field, const auto& before, const auto& after) {
    if (before != after) transition[field] = after;
  };
  const auto spacing = [](io::TimestepSpacing value) {
    return train::spacing_names()[static_cast<std::size_t>(value)];
  };
  lay("family", bundle.family, run.family);
  lay("steps", bundle.steps, run.steps);
  lay("eta", bundle.eta, run.eta);
  lay("spacing", spacing(bundle.spacing), spacing(run.spacing));
  lay("steps_offset", bundle.steps_offset, run.steps_offset);
  lay("set_alpha_to_one", bundle.set_alpha_to_one, run.set_alpha_to_one);
  lay("clip_sample", bundle.clip_sample, run.clip_sample);
  lay("clip_sample_range", bundle.clip_sample_range, run.clip_sample_range);
  lay("min_sigma", bundle.min_sigma, run.min_sigma);
  lay("last_step_noise", bundle.last_step_noise, run.last_step_noise);
  lay("guidance", bundle.guidance, run.guidance);
}

std::string manifest_of(const TrainedNetwork& network) {
  const io::ModelBundle& bundle = network.plan.bundle;
  Json manifest = Json::parse(read_file(bundle.directory / "bundle.json"));
  lay_sampler_over(manifest["transition"], bundle.transition,
                   train::transition_spec(network.plan.config, bundle));
  Json trained{{"algorithm", network.plan.config.algorithm},
               {"iteration", network.iteration},
               {"config_sha256", network.config_hash},
               {"base_bundle_hash", bundle.hash}};
  if (network.average) trained["moving_average"] = true;
  Json& provenance = manifest["provenance"];
  if (provenance.is_object() && provenance.contains("trained")) {
    trained["before"] = provenance["trained"];
  }
  provenance["trained"] = trained;
  return manifest.dump(2) + "\n";
}

/// The bundle's files that training leaves alone.
std::vector<fs::path> companions(const io::ModelBundle& bundle) {
  std::vector<fs::path> files;
  for (const auto& file : {bundle.text_encoder, bundle.decoder}) {
    if (file) files.push_back(*file);
  }
  if (bundle.tokenizer) {
    for (const fs::path& file :
         {bundle.tokenizer->file, bundle.tokenizer->vocab, bundle.tokenizer->merges}) {
      if (!file.empty()) files.push_back(file);
    }
  }
  return files;
}

std::vector<fs::path> write_bundle(const TrainedNetwork& network, const fs::path& directory) {
  const io::ModelBundle& bundle = network.plan.bundle;
  std::vector<fs::path> files{"bundle.json"};
  const auto place = [&](const fs::path& file) {
    files.push_back(file.lexically_relative(bundle.directory));
    make_directories((directory / files.back()).parent_path());
    return directory / files.back();
  };
  network.module.save(place(bundle.denoiser));
  for (const fs::path& file : companions(bundle)) {
    const fs::path copy = place(file);
    std::error_code error;
    fs::copy_file(file, copy, fs::copy_options::overwrite_existing, error);
    if (error) throw failure(copy.string(), "cannot be written: " + error.message());
  }
  write_file_atomically(directory / "bundle.json", manifest_of(network));
  return files;
}

void write_safetensors(const TrainedNetwork& network, const fs::path& path) {
  const io::ModelBundle& bundle = network.plan.bundle;
  tensor::NamedTensors state;
  for (const auto* tensors : {&network.module.parameters(), &network.module.buffers()}) {
    for (const auto& [name, tensor] : *tensors) {
      const auto exported = bundle.trainable_names.find(name);
      const std::string& key = exported == bundle.trainable_names.end() ? name : exported->second;
      if (!state.emplace(key, tensor.detach()).second) {
        throw Error((bundle.directory / "bundle.json").string(),
                    "trainable.names gives two tensors the name \"" + key + "\"");
      }
    }
  }
  tensor::save_tensors(path, state, {{"format", "pt"}});
}

std::string extension_error(const fs::path& out, const std::set<std::string>& allowed) {
  if (allowed.count(out.extension().string()) > 0) return "";
  return "must end in " + join({allowed.begin(), allowed.end()}, " or ");
}

bool lies_within(const fs::path& path, const fs::path& directory) {
  const fs::path relative =
      fs::weakly_canonical(path).lexically_relative(fs::weakly_canonical(directory));
  return !relative.empty() && *relative.begin() != "..";
}

/// What may be written, before anything is loaded.
void check_out(const ExportRequest& request, const fs::path& out) {
  const std::string where = out.string();
  std::string wrong;
  if (request.format == ExportFormat::kTorchScript) wrong = extension_error(out, {".pt", ".ts"});
  if (request.format == ExportFormat::kSafetensors) wrong = extension_error(out, {".safetensors"});
  if (!wrong.empty()) throw Error("--out " + where, wrong);
  if (!fs::exists(out)) return;
  if (!request.force) throw Error(where, "exists", "choose another --out, or add --force");
  if (request.format != ExportFormat::kBundle) return;
  if (!fs::is_directory(out) || (!fs::is_empty(out) && !fs::exists(out / "bundle.json"))) {
    throw Error(where, "is no model bundle, so it is not replaced", "choose another --out");
  }
}

}  // namespace

ExportFormat parse_export_format(const std::string& name) {
  if (name == "bundle") return ExportFormat::kBundle;
  if (name == "torchscript") return ExportFormat::kTorchScript;
  if (name == "safetensors") return ExportFormat::kSafetensors;
  throw Error("--format", "\"" + name + "\" is no format",
              "use bundle, torchscript or safetensors");
}

Exported export_run(const ExportRequest& request) {
  const auto run = run::RunDirectory::open(request.run);
  Exported result{(request.out / "").lexically_normal().parent_path()};
  check_out(request, result.out);
  const TrainedNetwork network = load(run, request.weights);
  result.iteration = network.iteration;
  if (lies_within(network.plan.bundle.directory, result.out) ||
      lies_within(run.path(), result.out)) {
    throw Error(result.out.string(), "holds what the run needs, so it is not replaced",
                "choose another --out");
  }
  if (result.out.has_parent_path()) make_directories(result.out.parent_path());
  switch (request.format) {
    case ExportFormat::kBundle: {
      const auto fill = [&](const fs::path& directory) {
        result.files = write_bundle(network, directory);
      };
      request.force ? replace_directory_atomically(result.out, fill)
                    : write_directory_atomically(result.out, fill);
      break;
    }
    case ExportFormat::kTorchScript:
      write_file_atomically(result.out, [&](const fs::path& path) { network.module.save(path); });
      break;
    case ExportFormat::kSafetensors:
      write_file_atomically(result.out,
                            [&](const fs::path& path) { write_safetensors(network, path); });
      break;
  }
  if (result.files.empty()) result.bytes = fs::file_size(result.out);
  for (const fs::path& file : result.files) result.bytes += fs::file_size(result.out / file);
  return result;
}

}  // namespace loopline::experiment
