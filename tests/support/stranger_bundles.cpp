#include "support/stranger_bundles.h"

#include <torch/script.h>

#include <fstream>
#include <nlohmann/json.hpp>

namespace loopline::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

at::Tensor wave(std::vector<std::int64_t> shape, double phase) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return (at::sin(at::arange(count, at::kFloat) * 1.3 + phase) * 0.3).reshape(shape);
}

std::string network_source(const Stranger& stranger) {
  const bool scalar = stranger.timestep_batch == "scalar";
  std::string arguments = "self, x, t", condition = "0.0 * x[:, :, 0, 0]", check;
  if (stranger.condition == "text") {
    arguments += ", text";
    condition = "torch.matmul(text.mean(1), self.mix)";
  } else if (stranger.condition == "class") {
    arguments += ", label";
    condition = "torch.embedding(self.table, label)";
  } else if (stranger.condition == "numbers") {
    arguments += ", numbers, use";
    condition = "torch.matmul(numbers, self.mix) * use.to(x.dtype).unsqueeze(1)";
  }
  const std::string time = scalar ? "torch.sin(t * 0.01)" : "torch.sin(t * 0.01).unsqueeze(1)";
  std::string result = "y";
  if (stranger.output_index) {
    result = *stranger.output_index == 0 ? "(y, x.mean())" : "(x.mean(), y)";
  }
  return "\ndef forward(" + arguments + "):\n    assert t.dim() == " + (scalar ? "0" : "1") +
         "\n    assert t.is_floating_point() == " +
         (stranger.timestep_dtype == "float32" ? "True" : "False") + "\n    shift = " + time +
         " * self.time + " + condition +
         "\n    y = self.gain * x + torch.conv2d(x * torch.sigmoid(x), self.kernel, self.bias, "
         "[1, 1], [1, 1])"
         "\n    y = y + shift.unsqueeze(2).unsqueeze(3)"
         "\n    return " +
         result + "\n";
}

void write_network(const fs::path& path, const Stranger& stranger) {
  const std::int64_t c = stranger.channels;
  torch::jit::Module module("Stranger");
  module.register_parameter("gain", at::full({1}, 0.7), false);
  module.register_parameter("kernel", wave({c, c, 3, 3}, 0.1) / static_cast<double>(c), false);
  module.register_parameter("bias", wave({c}, 0.2), false);
  module.register_parameter("time", wave({c}, 0.4), false);
  if (stranger.condition == "text") module.register_parameter("mix", wave({2, c}, 0.5), false);
  if (stranger.condition == "numbers") module.register_parameter("mix", wave({3, c}, 0.5), false);
  if (stranger.condition == "class") module.register_parameter("table", wave({4, c}, 0.6), false);
  module.define(network_source(stranger));
  module.save(path.string());
}

void write_decoder(const fs::path& path, const Stranger& stranger) {
  torch::jit::Module module("Decoder");
  module.register_parameter("mix", wave({stranger.image_channels, stranger.channels, 1, 1}, 0.7),
                            false);
  module.define(R"(
def forward(self, z):
    y = torch.conv2d(z, self.mix).repeat_interleave(2, 2).repeat_interleave(2, 3)
    return torch.tanh(y)
)");
  module.save(path.string());
}

void write_text_encoder(const fs::path& directory) {
  torch::jit::Module module("Encoder");
  module.register_parameter("table", wave({3, 2}, 0.8), false);
  module.define("def forward(self, ids):\n    return torch.embedding(self.table, ids)\n");
  module.save((directory / "text_encoder.ts").string());
  std::ofstream(directory / "tokenizer.json") << R"({"vocabulary": ["<pad>", "dark", "light"]})";
}

Json inputs_of(const std::string& condition) {
  if (condition == "text") {
    return Json::parse(R"([{"name": "text", "dtype": "float32", "shape": [2, 2],
      "source": {"kind": "text_encoder"}, "unconditional": {"prompt": ""}}])");
  }
  if (condition == "class") {
    return Json::parse(R"([{"name": "label", "dtype": "int64", "shape": [],
      "source": {"kind": "class_id"}, "unconditional": {"value": 3}}])");
  }
  if (condition == "numbers") {
    return Json::parse(R"([
      {"name": "numbers", "dtype": "float32", "shape": [3],
       "source": {"kind": "prompt", "key": "size"}, "unconditional": {"value": 0}},
      {"name": "use", "dtype": "bool", "shape": [],
       "source": {"kind": "constant", "value": true}, "unconditional": {"same": true}}])");
  }
  return Json::array();
}

Json manifest_of(const Stranger& stranger) {
  Json manifest{
      {"format", "loopline-bundle"},
      {"version", 1},
      {"name", stranger.name},
      {"files", {{"denoiser", "denoiser.ts"}}},
      {"latent",
       {{"channels", stranger.channels}, {"height", stranger.height}, {"width", stranger.width}}},
      {"image",
       {{"channels", stranger.image_channel_count()},
        {"height", stranger.image_height()},
        {"width", stranger.image_width()},
        {"data_range", {stranger.low, stranger.high}}}},
      {"prediction_type", stranger.prediction},
      {"schedule", Json::parse(stranger.schedule)},
      {"timestep",
       {{"batch", stranger.timestep_batch},
        {"dtype", stranger.timestep_dtype},
        {"scale", stranger.timestep_scale}}},
      {"inputs", inputs_of(stranger.condition)},
      {"output", {{"channels", stranger.channels}}},
      {"transition",
       {{"steps", 4}, {"min_sigma", 0.05}, {"clip_sample", true}, {"guidance", stranger.guidance}}},
      {"trainable", {{"patterns", {"*"}}}}};
  if (stranger.output_index) manifest["output"]["index"] = *stranger.output_index;
  if (stranger.has_decoder()) {
    manifest["files"]["decoder"] = "decoder.ts";
    manifest["latent"]["scaling"] = 0.5;
    manifest["latent"]["shift"] = 0.25;
  }
  if (stranger.condition == "text") {
    manifest["files"]["text_encoder"] = "text_encoder.ts";
    manifest["tokenizer"] =
        Json::parse(R"({"kind": "word", "file": "tokenizer.json", "length": 2, "pad_id": 0})");
  }
  return manifest;
}

constexpr const char* kOwnBetas = R"({"kind": "betas", "train_steps": 5,
                                      "betas": [0.01, 0.03, 0.1, 0.2, 0.4]})";
constexpr const char* kCosine = R"({"kind": "squaredcos_cap_v2", "train_steps": 1000})";

}  // namespace

const std::vector<Stranger>& strangers() {
  static const std::vector<Stranger> all{
      {.name = "TextRgb", .condition = "text", .guidance = 3},
      {.name = "ClassGrey",
       .condition = "class",
       .channels = 1,
       .height = 9,
       .width = 4,
       .prediction = "v_prediction",
       .low = 0,
       .timestep_dtype = "float32",
       .timestep_scale = 0.01,
       .guidance = 2},
      {.name = "UnconditionalRgba",
       .channels = 4,
       .height = 6,
       .prediction = "sample",
       .schedule = kOwnBetas,
       .timestep_scale = 10,
       .output_index = 1},
      {.name = "TextLatentOf12",
       .condition = "text",
       .channels = 12,
       .height = 3,
       .width = 5,
       .image_channels = 3,
       .prediction = "v_prediction",
       .timestep_batch = "scalar"},
      {.name = "UnconditionalScalarFloat",
       .channels = 1,
       .prediction = "sample",
       .schedule = kCosine,
       .timestep_batch = "scalar",
       .timestep_dtype = "float32",
       .timestep_scale = 0.001,
       .output_index = 0},
      {.name = "ClassLatentToGrey",
       .condition = "class",
       .channels = 4,
       .height = 4,
       .width = 3,
       .image_channels = 1,
       .schedule = kOwnBetas,
       .low = 0},
      {.name = "NumbersAndAConstant",
       .condition = "numbers",
       .prediction = "v_prediction",
       .low = 0,
       .timestep_dtype = "float32",
       .guidance = 1.5},
      {.name = "UnconditionalLatentToRgba",
       .channels = 3,
       .height = 1,
       .width = 2,
       .image_channels = 4},
  };
  return all;
}

void write_stranger(const fs::path& directory, const Stranger& stranger) {
  fs::create_directories(directory);
  write_network(directory / "denoiser.ts", stranger);
  if (stranger.has_decoder()) write_decoder(directory / "decoder.ts", stranger);
  if (stranger.condition == "text") write_text_encoder(directory);
  std::ofstream(directory / "bundle.json") << manifest_of(stranger).dump(2);
  std::ofstream prompts(directory / "prompts.jsonl");
  for (const int i : {0, 1, 2}) {
    Json prompt{{"text", i == 0 ? "dark" : i == 1 ? "light" : "dark light"}};
    if (stranger.condition == "class") prompt["class"] = i;
    if (stranger.condition == "numbers") prompt["size"] = {0.5 * i, 1.0, -0.25 * i};
    prompts << prompt.dump() << "\n";
  }
}

void PrintTo(const Stranger& stranger, std::ostream* stream) { *stream << stranger.name; }

}  // namespace loopline::testing
