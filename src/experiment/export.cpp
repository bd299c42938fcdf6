#include "loopline/experiment/export.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "export_lora.h"
#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/core/text.h"
#include "loopline/denoiser/adapters.h"
#include "loopline/run/run_directory.h"
#include "loopline/tensor/tensor_file.h"
#include "trained_network.h"

namespace loopline::experiment {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

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

/// Parameters and buffers under their exported names.
tensor::NamedTensors whole_state(const TrainedNetwork& network) {
  const io::ModelBundle& bundle = network.plan.bundle;
  tensor::NamedTensors state;
  for (const auto* tensors : {&network.module.parameters(), &network.module.buffers()}) {
    for (const auto& [name, tensor] : *tensors) {
      const std::string key = denoiser::exported_name(bundle, name);
      if (!state.emplace(key, tensor.detach()).second) {
        throw Error((bundle.directory / "bundle.json").string(),
                    "trainable.names gives two tensors the name \"" + key + "\"");
      }
    }
  }
  return state;
}

using StateOf = tensor::NamedTensors (*)(const TrainedNetwork&);

template <StateOf state_of>
void write_state(const TrainedNetwork& network, const fs::path& path) {
  tensor::save_tensors(path, state_of(network), {{"format", "pt"}});
}

void write_script(const TrainedNetwork& network, const fs::path& path) {
  network.module.save(path);
}

struct Format {
  const char* name;
  std::vector<std::string> extensions;  ///< none: a directory
  void (*write)(const TrainedNetwork&, const fs::path&);
};

/// In the order of ExportFormat.
const std::array<Format, 6>& formats() {
  static const std::array<Format, 6> all{
      {{"bundle", {}, nullptr},
       {"torchscript", {".pt", ".ts"}, write_script},
       {"safetensors", {".safetensors"}, write_state<whole_state>},
       {"diffusers", {".safetensors"}, write_state<diffusers_lora>},
       {"kohya", {".safetensors"}, write_state<kohya_lora>},
       {"merged", {".safetensors"}, write_state<merged_state>}}};
  return all;
}

const Format& format_of(const ExportRequest& request) {
  return formats().at(static_cast<std::size_t>(request.format));
}

bool lies_within(const fs::path& path, const fs::path& directory) {
  const fs::path relative =
      fs::weakly_canonical(path).lexically_relative(fs::weakly_canonical(directory));
  return !relative.empty() && *relative.begin() != "..";
}

/// What may be written, before anything is loaded.
void check_out(const ExportRequest& request, const fs::path& out) {
  const std::string where = out.string();
  const auto& extensions = format_of(request).extensions;
  if (!extensions.empty() &&
      std::count(extensions.begin(), extensions.end(), out.extension().string()) == 0) {
    throw Error("--out " + where, "must end in " + join(extensions, " or "));
  }
  if (!fs::exists(out)) return;
  if (!request.force) throw Error(where, "exists", "choose another --out, or add --force");
  if (request.format != ExportFormat::kBundle) return;
  if (!fs::is_directory(out) || (!fs::is_empty(out) && !fs::exists(out / "bundle.json"))) {
    throw Error(where, "is no model bundle, so it is not replaced", "choose another --out");
  }
}

}  // namespace

std::vector<std::string> export_format_names() {
  std::vector<std::string> names;
  for (const Format& format : formats()) names.emplace_back(format.name);
  return names;
}

ExportFormat parse_export_format(const std::string& name) {
  const std::vector<std::string> names = export_format_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    throw Error("--format", "\"" + name + "\" is no format", "use one of " + join(names));
  }
  return static_cast<ExportFormat>(found - names.begin());
}

Exported export_run(const ExportRequest& request) {
  const auto run = run::RunDirectory::open(request.run);
  Exported result{(request.out / "").lexically_normal().parent_path()};
  check_out(request, result.out);
  const TrainedNetwork network = load_trained_network(run, request.weights);
  result.iteration = network.iteration;
  if (lies_within(network.plan.bundle.directory, result.out) ||
      lies_within(run.path(), result.out)) {
    throw Error(result.out.string(), "holds what the run needs, so it is not replaced",
                "choose another --out");
  }
  if (result.out.has_parent_path()) make_directories(result.out.parent_path());
  if (request.format == ExportFormat::kBundle) {
    const auto fill = [&](const fs::path& directory) {
      result.files = write_bundle(network, directory);
    };
    request.force ? replace_directory_atomically(result.out, fill)
                  : write_directory_atomically(result.out, fill);
  } else {
    write_file_atomically(result.out,
                          [&](const fs::path& path) { format_of(request).write(network, path); });
  }
  if (result.files.empty()) result.bytes = fs::file_size(result.out);
  for (const fs::path& file : result.files) result.bytes += fs::file_size(result.out / file);
  return result;
}

}  // namespace loopline::experiment
