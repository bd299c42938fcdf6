#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "loopline/io/tokenizer.h"

namespace loopline::io {

/// What `bundle.json` says. The format is documented in docs/bundles.md, field by field under the
/// same names; this is its image in memory, validated, with absolute paths. No LibTorch here.

enum class PredictionType { kEpsilon, kVPrediction, kSample };
enum class ScheduleKind { kLinear, kScaledLinear, kSquaredCosine, kBetas, kFlow };
enum class TimestepSpacing { kLeading, kTrailing, kLinspace };

struct ScheduleSpec {
  ScheduleKind kind = ScheduleKind::kScaledLinear;
  std::int64_t train_steps = 1000;
  double beta_start = 0;
  double beta_end = 0;
  std::vector<double> betas;
  bool rescale_zero_terminal_snr = false;
};

struct TransitionSpec {
  std::string family = "ddim";
  std::int64_t steps = 50;
  double eta = 1;
  TimestepSpacing spacing = TimestepSpacing::kLeading;
  std::int64_t steps_offset = 0;
  bool set_alpha_to_one = true;
  bool clip_sample = false;
  double clip_sample_range = 1;
  double min_sigma = 0;
  bool last_step_noise = true;
  double guidance = 1;
};

struct LatentSpec {
  std::int64_t channels = 0, height = 0, width = 0;
  double scaling = 1, shift = 0;
};

struct ImageSpec {
  std::int64_t channels = 0, height = 0, width = 0;
  double low = -1, high = 1;  ///< data_range
};

struct TimestepSpec {
  bool per_sample = true;
  std::string dtype = "int64";  ///< "int64" or "float32"
  double scale = 1;
};

struct InputSource {
  enum class Kind { kTextEncoder, kClassId, kPrompt, kConstant };
  Kind kind = Kind::kTextEncoder;
  std::int64_t index = 0;  ///< text_encoder
  std::string key;         ///< class_id, prompt
  nlohmann::json value;    ///< constant
};

struct Unconditional {
  enum class Kind { kNone, kPrompt, kValue, kSame };
  Kind kind = Kind::kNone;
  std::string prompt;
  nlohmann::json value;
};

struct InputSpec {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;  ///< one sample, without the batch
  InputSource source;
  Unconditional unconditional;
};

struct AdapterSpec {
  std::string kind;  ///< "lora"
  std::int64_t rank = 0;
  double alpha = 0;
  std::string scale_buffer;  ///< a buffer's name, or a shell pattern over such names
};

struct ModelBundle {
  std::filesystem::path directory;
  std::string name;
  std::filesystem::path denoiser;
  std::optional<std::filesystem::path> text_encoder, decoder;
  LatentSpec latent;
  ImageSpec image;
  PredictionType prediction_type = PredictionType::kEpsilon;
  ScheduleSpec schedule;
  TimestepSpec timestep;
  std::vector<InputSpec> inputs;
  std::optional<std::int64_t> output_index;
  TransitionSpec transition;
  std::optional<TokenizerSpec> tokenizer;
  std::vector<std::string> trainable_patterns;
  std::map<std::string, std::string> trainable_names;
  std::optional<AdapterSpec> adapter;
  std::vector<std::string> segments;  ///< methods of the denoiser: one after the other, its forward
  nlohmann::json provenance = nlohmann::json::object();
  std::string hash;  ///< SHA-256 over the manifest and every file that it names
};

/// Whether some input differs from prompt to prompt. Without, the model draws unprompted.
bool needs_prompts(const ModelBundle& bundle);

/// Parses a manifest's text. File names are resolved against `directory` but not opened.
ModelBundle parse_model_bundle(const std::string& text, const std::filesystem::path& directory);

/// Reads and validates `directory`/bundle.json: fields, files, hash. Errors name file and field.
ModelBundle load_model_bundle(const std::filesystem::path& directory);

}  // namespace loopline::io
