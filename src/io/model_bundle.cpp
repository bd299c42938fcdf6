#include "loopline/io/model_bundle.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "manifest.h"
#include "model_inputs.h"

namespace loopline::io {
namespace {

namespace fs = std::filesystem;

constexpr double kMaxTrainSteps = 100'000;

void read_files(JsonFields fields, ModelBundle& bundle) {
  bundle.denoiser = fields.file("denoiser", bundle.directory);
  if (fields.has("text_encoder")) {
    bundle.text_encoder = fields.file("text_encoder", bundle.directory);
  }
  if (fields.has("decoder")) bundle.decoder = fields.file("decoder", bundle.directory);
  fields.finish();
}

LatentSpec read_latent(JsonFields fields) {
  LatentSpec latent;
  latent.channels = fields.integer("channels", between(1, kMaxSide));
  latent.height = fields.integer("height", between(1, kMaxSide));
  latent.width = fields.integer("width", between(1, kMaxSide));
  latent.scaling = fields.number_or("scaling", latent.scaling, above(0));
  latent.shift = fields.number_or("shift", latent.shift);
  fields.finish();
  return latent;
}

ScheduleSpec read_schedule(JsonFields fields, PredictionType prediction_type) {
  ScheduleSpec schedule;
  schedule.kind =
      fields.choice<ScheduleKind>("kind", {{"linear", ScheduleKind::kLinear},
                                           {"scaled_linear", ScheduleKind::kScaledLinear},
                                           {"squaredcos_cap_v2", ScheduleKind::kSquaredCosine},
                                           {"betas", ScheduleKind::kBetas},
                                           {"flow", ScheduleKind::kFlow}});
  schedule.train_steps = fields.integer("train_steps", between(2, kMaxTrainSteps));
  const Limits open_unit{0, std::nextafter(1.0, 0.0), true};  // betas of 0 and 1 divide by zero
  if (schedule.kind == ScheduleKind::kLinear || schedule.kind == ScheduleKind::kScaledLinear) {
    schedule.beta_start = fields.number("beta_start", open_unit);
    schedule.beta_end = fields.number("beta_end", open_unit);
  }
  if (schedule.kind == ScheduleKind::kBetas) {
    schedule.betas = fields.numbers("betas", open_unit);
    if (static_cast<std::int64_t>(schedule.betas.size()) != schedule.train_steps) {
      fields.fail("betas", "has " + std::to_string(schedule.betas.size()) +
                               " values, and train_steps is " +
                               std::to_string(schedule.train_steps));
    }
  }
  if (schedule.kind != ScheduleKind::kFlow) {
    schedule.rescale_zero_terminal_snr = fields.boolean_or("rescale_zero_terminal_snr", false);
  }
  if (schedule.rescale_zero_terminal_snr && prediction_type == PredictionType::kEpsilon) {
    fields.fail("rescale_zero_terminal_snr", "is refused with prediction_type epsilon",
                "the last timestep holds no signal, so nothing follows from its noise");
  }
  fields.finish();
  return schedule;
}

TimestepSpec read_timestep(JsonFields fields) {
  TimestepSpec timestep;
  timestep.per_sample = fields.choice("batch", {"per_sample", "scalar"}) == "per_sample";
  timestep.dtype = fields.choice("dtype", {"int64", "float32"});
  timestep.scale = fields.number_or("scale", timestep.scale, above(0));
  if (timestep.dtype == "int64" && timestep.scale != std::floor(timestep.scale)) {
    fields.fail("scale", "is not a whole number, which needs dtype float32");
  }
  fields.finish();
  return timestep;
}

std::optional<std::int64_t> read_model_output(JsonFields fields, const LatentSpec& latent) {
  const std::optional<std::int64_t> index = fields.maybe_integer("index", between(0, 1000));
  const std::int64_t channels = fields.integer("channels", between(1, 2 * kMaxSide));
  if (channels != latent.channels) {
    fields.fail(
        "channels",
        "is " + std::to_string(channels) + ", and must equal latent.channels, " +
            std::to_string(latent.channels),
        channels == 2 * latent.channels ? "networks that also predict a variance are refused" : "");
  }
  fields.finish();
  return index;
}

TransitionSpec read_transition(JsonFields fields, const ScheduleSpec& schedule) {
  TransitionSpec transition;
  const double train_steps = static_cast<double>(schedule.train_steps);
  if (fields.has("family")) transition.family = fields.choice("family", {"ddim", "flow_sde"});
  if (transition.family == "flow_sde") {
    fields.fail("family", "is flow_sde, a name kept for a later version of Loopline",
                "this version samples with ddim");
  }
  if (schedule.kind == ScheduleKind::kFlow) {
    fields.fail("family", "is ddim, which cannot follow schedule.kind flow");
  }
  transition.steps = fields.integer_or("steps", transition.steps, between(1, train_steps));
  transition.eta = fields.number_or("eta", transition.eta, between(0, 1));
  if (fields.has("spacing")) {
    transition.spacing =
        fields.choice<TimestepSpacing>("spacing", {{"leading", TimestepSpacing::kLeading},
                                                   {"trailing", TimestepSpacing::kTrailing},
                                                   {"linspace", TimestepSpacing::kLinspace}});
  }
  transition.steps_offset = fields.integer_or("steps_offset", 0, between(0, train_steps - 1));
  transition.set_alpha_to_one = fields.boolean_or("set_alpha_to_one", transition.set_alpha_to_one);
  transition.clip_sample = fields.boolean_or("clip_sample", transition.clip_sample);
  transition.clip_sample_range =
      fields.number_or("clip_sample_range", transition.clip_sample_range, above(0));
  transition.min_sigma = fields.number_or("min_sigma", transition.min_sigma, at_least(0));
  transition.last_step_noise = fields.boolean_or("last_step_noise", transition.last_step_noise);
  transition.guidance = fields.number_or("guidance", transition.guidance, at_least(0));
  fields.finish();
  return transition;
}

void read_trainable(JsonFields fields, ModelBundle& bundle) {
  if (fields.has("patterns")) {
    bundle.trainable_patterns = fields.texts("patterns");
    if (bundle.trainable_patterns.empty()) {
      fields.fail("patterns", "is empty", "leave it out to train all that require a gradient");
    }
  }
  if (fields.has("names")) {
    for (auto& [name, exported] : fields.text_map("names")) bundle.trainable_names[name] = exported;
  }
  fields.finish();
}

AdapterSpec read_adapter(JsonFields fields) {
  AdapterSpec adapter;
  adapter.kind = fields.choice("kind", std::vector<std::string>{"lora"});
  adapter.rank = fields.integer("rank", between(1, kMaxSide));
  adapter.alpha = fields.number("alpha", above(0));
  adapter.scale_buffer = fields.text("scale_buffer");
  fields.finish();
  return adapter;
}

std::vector<std::string> read_segments(JsonFields& manifest) {
  std::vector<std::string> segments = manifest.texts("segments");
  if (segments.size() < 2) manifest.fail("segments", "must name at least two methods");
  std::set<std::string> seen;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (!seen.insert(segments[i]).second) {
      manifest.fail("segments[" + std::to_string(i) + "]",
                    "is \"" + segments[i] + "\", which is named twice");
    }
  }
  return segments;
}

// What no field can say alone.
void check_together(const JsonFields& manifest, const ModelBundle& bundle) {
  const bool encodes_text = std::any_of(
      bundle.inputs.begin(), bundle.inputs.end(),
      [](const InputSpec& input) { return input.source.kind == InputSource::Kind::kTextEncoder; });
  const std::string from = encodes_text ? "some input" : "no input";
  if (encodes_text != bundle.text_encoder.has_value()) {
    manifest.fail("files.text_encoder", (encodes_text ? "is missing, and " : "is there, and ") +
                                            from + " comes from the text encoder");
  }
  if (encodes_text != bundle.tokenizer.has_value()) {
    manifest.fail("tokenizer", (encodes_text ? "is missing, and " : "is there, and ") + from +
                                   " comes from the text encoder");
  }
  const LatentSpec& latent = bundle.latent;
  const ImageSpec& image = bundle.image;
  if (!bundle.decoder && (latent.channels != image.channels || latent.height != image.height ||
                          latent.width != image.width)) {
    manifest.fail("files.decoder", "is missing, and latent and image differ in shape");
  }
  if (bundle.transition.guidance == 1) return;
  if (bundle.inputs.empty()) {
    manifest.fail("transition.guidance", "other than 1 needs inputs, and there are none");
  }
  for (std::size_t i = 0; i < bundle.inputs.size(); ++i) {
    if (bundle.inputs[i].unconditional.kind == Unconditional::Kind::kNone) {
      manifest.fail("inputs[" + std::to_string(i) + "].unconditional",
                    "is missing, and transition.guidance other than 1 needs it");
    }
  }
}

NamedFiles named_files(const ModelBundle& bundle) {
  NamedFiles files{{"files.denoiser", bundle.denoiser}};
  if (bundle.text_encoder) files.emplace_back("files.text_encoder", *bundle.text_encoder);
  if (bundle.decoder) files.emplace_back("files.decoder", *bundle.decoder);
  if (bundle.tokenizer) append_tokenizer_files(files, *bundle.tokenizer);
  return files;
}

std::string bundle_json(const fs::path& directory) { return (directory / "bundle.json").string(); }

}  // namespace

bool needs_prompts(const ModelBundle& bundle) {
  return std::any_of(bundle.inputs.begin(), bundle.inputs.end(), [](const InputSpec& input) {
    return input.source.kind != InputSource::Kind::kConstant;
  });
}

ModelBundle parse_model_bundle(const std::string& text, const fs::path& directory) {
  const std::string where = bundle_json(directory);
  const nlohmann::json json = parse_json(text, where);
  JsonFields manifest(json, where);
  read_format(manifest, "loopline-bundle");
  ModelBundle bundle;
  bundle.directory = fs::absolute(directory).lexically_normal();
  bundle.name = manifest.text("name");
  read_files(manifest.object("files"), bundle);
  bundle.latent = read_latent(manifest.object("latent"));
  JsonFields image = manifest.object("image");
  bundle.image = read_image_spec(image, -1, 1);
  image.finish();
  bundle.prediction_type = manifest.choice<PredictionType>(
      "prediction_type", {{"epsilon", PredictionType::kEpsilon},
                          {"v_prediction", PredictionType::kVPrediction},
                          {"sample", PredictionType::kSample}});
  bundle.schedule = read_schedule(manifest.object("schedule"), bundle.prediction_type);
  bundle.timestep = read_timestep(manifest.object("timestep"));
  bundle.inputs = read_inputs(manifest);
  bundle.output_index = read_model_output(manifest.object("output"), bundle.latent);
  bundle.transition = read_transition(manifest.object("transition"), bundle.schedule);
  if (manifest.has("tokenizer")) {
    bundle.tokenizer = read_tokenizer(manifest.object("tokenizer"), bundle.directory);
  }
  if (manifest.has("trainable")) read_trainable(manifest.object("trainable"), bundle);
  if (manifest.has("adapter")) bundle.adapter = read_adapter(manifest.object("adapter"));
  if (manifest.has("segments")) bundle.segments = read_segments(manifest);
  bundle.provenance = read_provenance(manifest);
  manifest.finish();
  check_together(manifest, bundle);
  return bundle;
}

ModelBundle load_model_bundle(const fs::path& directory) {
  const std::string text = read_manifest(directory, "bundle.json");
  ModelBundle bundle = parse_model_bundle(text, directory);
  bundle.hash = hash_bundle(text, named_files(bundle), bundle_json(directory));
  return bundle;
}

}  // namespace loopline::io
