#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "loopline/train/weights_choice.h"

namespace loopline::experiment {

enum class ExportFormat {
  kBundle,       ///< a model bundle: everything to sample and to train on
  kTorchScript,  ///< the network alone, one .ts file
  kSafetensors,  ///< its parameters and buffers, under the names of `trainable.names`
  kDiffusers,    ///< its adapters alone, as diffusers loads them (load_lora_weights)
  kKohya,        ///< its adapters alone, as ComfyUI and A1111 load them
  kMerged,       ///< its parameters as without adapters, these added to their layers' weights
};

/// "bundle", "torchscript", "safetensors", "diffusers", "kohya", "merged", in that order.
std::vector<std::string> export_format_names();

/// One of these names; another is an Error.
ExportFormat parse_export_format(const std::string& name);

/// What `loopline export` is asked for.
struct ExportRequest {
  std::filesystem::path run{};
  ExportFormat format = ExportFormat::kBundle;
  std::filesystem::path out{};     ///< a directory; a file: .ts, .pt or .safetensors
  bool force = false;              ///< replace what an earlier export wrote there
  train::WeightsChoice weights{};  ///< of a run
};

struct Exported {
  std::filesystem::path out;
  std::vector<std::filesystem::path> files{};  ///< relative to `out`; of a file: its own name
  std::uintmax_t bytes = 0;
  std::int64_t iteration = 0;  ///< of the checkpoint that the weights are from
};

/// Writes the network of a run's checkpoint: the bundle's file in float32 with the trained
/// weights laid over, atomically. A bundle keeps the manifest, but for the sampler, which is the
/// run's, and `provenance.trained`, which says what trained it; the other files are copied. The
/// exported bundle draws the images that a run in float32 draws. `out` that exists is an Error
/// without `force`; a directory that is no model bundle, or that the run needs, is never replaced.
/// A file of adapters alone needs a bundle with `adapter`, and a run that trained nothing else.
Exported export_run(const ExportRequest& request);

}  // namespace loopline::experiment
