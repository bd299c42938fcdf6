#include "support/tiny_bundle.h"

#include <gtest/gtest.h>
#include <torch/script.h>
#include <unistd.h>

#include <fstream>

namespace loopline::testing {
namespace {

namespace fs = std::filesystem;

void write_text(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

at::Tensor wave(std::vector<std::int64_t> shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return at::sin(at::arange(count, at::kFloat) * 1.7 + 0.3).reshape(shape) * 0.5;
}

constexpr const char* kTokenizer = R"({"vocabulary": ["<pad>", "dark", "light"]})";

constexpr const char* kDenoiser = R"(
def forward(self, x, t, c):
    shift = torch.tanh(torch.matmul(c.mean(1), self.mix))
    wave = torch.sin(t.to(x.dtype) * 0.01)
    return self.gain * x + shift.unsqueeze(2).unsqueeze(3) + (self.bias * wave.unsqueeze(1)).unsqueeze(2).unsqueeze(3)
)";

constexpr const char* kReward = R"(
def forward(self, images, ids):
    brightness = images.flatten(1).mean(1)
    wanted = (ids[:, 0] - 1).to(images.dtype)
    return torch.stack([1 - torch.abs(brightness - wanted), brightness], 1)
)";

/// `last_field`: of the manifest.
void write_manifest_and_encoder(
    const fs::path& directory,
    const std::string& last_field = R"("trainable": {"patterns": ["mix", "bias", "gain"]})") {
  torch::jit::Module encoder("Encoder");
  encoder.register_parameter("table", wave({3, 2}), false);
  encoder.define("def forward(self, ids):\n    return torch.embedding(self.table, ids)\n");
  encoder.save((directory / "text_encoder.ts").string());

  write_text(directory / "tokenizer.json", kTokenizer);
  write_text(directory / "bundle.json", R"({
  "format": "loopline-bundle", "version": 1, "name": "tiny",
  "files": {"denoiser": "denoiser.ts", "text_encoder": "text_encoder.ts"},
  "latent": {"channels": 3, "height": 4, "width": 4},
  "image": {"channels": 3, "height": 4, "width": 4, "data_range": [-1.0, 1.0]},
  "prediction_type": "epsilon",
  "schedule": {"kind": "linear", "train_steps": 100, "beta_start": 0.001, "beta_end": 0.05},
  "timestep": {"batch": "per_sample", "dtype": "int64"},
  "inputs": [{"name": "text", "dtype": "float32", "shape": [2, 2],
              "source": {"kind": "text_encoder"}, "unconditional": {"prompt": ""}}],
  "output": {"channels": 3},
  "transition": {"family": "ddim", "steps": 4, "eta": 1.0, "spacing": "leading", "steps_offset": 1,
                 "set_alpha_to_one": false, "clip_sample": true, "min_sigma": 0.05,
                 "last_step_noise": false},
  "tokenizer": {"kind": "word", "file": "tokenizer.json", "length": 2, "pad_id": 0},
  )" + last_field + "\n}\n");
}

}  // namespace

void write_tiny_model(const fs::path& directory, const std::string& denoiser_source) {
  fs::create_directories(directory);
  torch::jit::Module denoiser("Denoiser");
  denoiser.register_parameter("mix", wave({2, 3}), false);
  denoiser.register_parameter("gain", at::full({1}, 0.6), false);
  denoiser.register_parameter("bias", wave({3}), false);
  denoiser.register_parameter("unused", at::ones({1}), false);
  denoiser.register_buffer("zero", at::zeros({1}));
  denoiser.define(denoiser_source.empty() ? kDenoiser : denoiser_source);
  denoiser.save((directory / "denoiser.ts").string());

  write_manifest_and_encoder(directory);
}

namespace {

/// Lines of blocks begin .. end - 1 of the deep network, working on `h`.
std::string block_lines(int begin, int end) {
  std::string lines;
  for (int i = begin; i < end; ++i) {
    lines += "    h = self.block(h, e, self.block_" + std::to_string(i) + ")\n";
  }
  return lines;
}

/// forward, and segment_0 to segment_3, which compute the same.
std::string deep_source(int blocks) {
  const std::string head = R"(
    h = torch.conv2d(x, self.first, None, [1, 1], [1, 1])
    wave = torch.sin(t.to(x.dtype).unsqueeze(1) * self.frequencies)
    e = torch.matmul(wave, self.time).unsqueeze(2).unsqueeze(3)
    skip = torch.tanh(h)
)";
  const std::string tail = R"(
    shift = torch.matmul(c.mean(1), self.text).unsqueeze(2).unsqueeze(3)
    h = torch.cat([h + shift, skip], 1) * (1 + 0.001 * t.to(x.dtype)).reshape(-1, 1, 1, 1)
    return torch.conv2d(h, self.last, None, [1, 1], [1, 1]) + self.scale * x
)";
  const int part = blocks / 4;
  const std::string next = "(self, x, t, c, h, e, skip):\n";
  return R"(
def block(self, h, e, weight):
    return h + torch.conv2d(torch.tanh(torch.sigmoid(h + e) * h), weight, None, [1, 1], [1, 1])

def forward(self, x, t, c):)" +
         head + block_lines(0, blocks) + tail + "\ndef segment_0(self, x, t, c):" + head +
         block_lines(0, part) + "    return x, t, c, h, e, skip\n\ndef segment_1" + next +
         block_lines(part, 2 * part) + "    return x, t, c, h, e, skip\n\ndef segment_2" + next +
         block_lines(2 * part, 3 * part) + "    return x, t, c, h, e, skip\n\ndef segment_3" +
         next + block_lines(3 * part, blocks) + tail;
}

}  // namespace

void write_deep_model(const fs::path& directory, int blocks,
                      const std::vector<std::string>& segments, const std::string& more_source) {
  fs::create_directories(directory);
  torch::jit::Module denoiser("Denoiser");
  denoiser.register_parameter("first", wave({16, 3, 3, 3}), false);
  denoiser.register_parameter("time", wave({4, 16}), false);
  denoiser.register_parameter("text", wave({2, 16}), false);
  denoiser.register_parameter("scale", at::full({1}, 0.5), false);
  denoiser.register_parameter("last", wave({3, 32, 3, 3}) * 0.1, false);
  for (int i = 0; i < blocks; ++i) {
    denoiser.register_parameter("block_" + std::to_string(i),
                                wave({16, 16, 3, 3}) * (0.1 + 0.01 * i), false);
  }
  denoiser.register_buffer("frequencies", at::tensor({0.01, 0.02, 0.05, 0.1}, at::kFloat));
  denoiser.define(deep_source(blocks) + more_source);
  for (const auto& parameter : denoiser.parameters()) parameter.set_requires_grad(true);
  denoiser.save((directory / "denoiser.ts").string());
  std::string list;
  for (const std::string& name : segments) list += (list.empty() ? "\"" : ", \"") + name + "\"";
  write_manifest_and_encoder(
      directory, R"("provenance": {})" + (list.empty() ? "" : ", \"segments\": [" + list + "]"));
}

void write_adapted_model(const fs::path& directory) {
  fs::create_directories(directory);
  torch::jit::Module layer("Layer");
  layer.register_parameter("lora_A", wave({1, 2}), false);
  layer.register_parameter("lora_B", at::zeros({3, 1}), false);
  layer.register_buffer("lora_scale", at::full({}, 2.0));
  layer.define(R"(
def forward(self, c):
    return self.lora_scale * torch.matmul(torch.matmul(c, self.lora_A.t()), self.lora_B.t())
)");
  for (const auto& parameter : layer.parameters()) parameter.set_requires_grad(true);
  torch::jit::Module denoiser("Denoiser");
  denoiser.register_parameter("base", wave({2, 3}), false);
  denoiser.register_module("to", layer);
  denoiser.define(R"(
def forward(self, x, t, c):
    shift = torch.matmul(c.mean(1), self.base) + self.to.forward(c.mean(1))
    wave = torch.sin(t.to(x.dtype) * 0.01).unsqueeze(1)
    return 0.6 * x + torch.tanh(shift + wave).unsqueeze(2).unsqueeze(3)
)");
  for (const auto& item : denoiser.named_parameters()) {
    item.value.set_requires_grad(item.name != "base");
  }
  denoiser.save((directory / "denoiser.ts").string());
  write_manifest_and_encoder(
      directory,
      R"("adapter": {"kind": "lora", "rank": 1, "alpha": 2.0, "scale_buffer": "*.lora_scale"})");
}

namespace {

/// A module that holds a weight, frozen or not.
torch::jit::Module holder(const at::Tensor& weight, bool frozen) {
  torch::jit::Module module("Holder");
  module.register_parameter("weight", weight, false);
  for (const auto& parameter : module.parameters()) parameter.set_requires_grad(!frozen);
  return module;
}

/// A layer with an adapter; `source`: its forward.
torch::jit::Module adapted_layer(const at::Tensor& base, const at::Tensor& down, int rank,
                                 double alpha, const std::string& source) {
  std::vector<std::int64_t> up_shape(static_cast<std::size_t>(base.dim()), 1);
  up_shape[0] = base.size(0);
  up_shape[1] = rank;
  torch::jit::Module base_layer = holder(base, true), a("A"), b("B"), layer("Layer");
  base_layer.register_parameter("bias", wave({base.size(0)}) * 0.1, false);
  base_layer.attr("bias").toTensor().set_requires_grad(false);
  a.register_module("default", holder(down, false));
  b.register_module("default", holder(at::zeros(up_shape), false));
  layer.register_module("base_layer", base_layer);
  layer.register_module("lora_A", a);
  layer.register_module("lora_B", b);
  layer.register_buffer("lora_scale", at::full({}, alpha / rank));
  layer.define(source);
  return layer;
}

}  // namespace

void write_lora_model(const fs::path& directory, int rank, double alpha) {
  fs::create_directories(directory);
  torch::jit::Module attention("Attention"), denoiser("Denoiser");
  attention.register_module("to_k", adapted_layer(wave({3, 2}), wave({rank, 2}), rank, alpha, R"(
def forward(self, c):
    change = torch.matmul(torch.matmul(c, self.lora_A.default.weight.t()), self.lora_B.default.weight.t())
    return torch.matmul(c, self.base_layer.weight.t()) + self.base_layer.bias + self.lora_scale * change
)"));
  denoiser.register_module("attn", attention);
  denoiser.register_module(
      "conv", adapted_layer(wave({3, 3, 3, 3}) * 0.2, wave({rank, 3, 3, 3}), rank, alpha, R"(
def forward(self, x):
    down = torch.conv2d(x, self.lora_A.default.weight, None, [1, 1], [1, 1])
    base = torch.conv2d(x, self.base_layer.weight, self.base_layer.bias, [1, 1], [1, 1])
    return base + self.lora_scale * torch.conv2d(down, self.lora_B.default.weight, None)
)"));
  denoiser.define(R"(
def forward(self, x, t, c):
    wave = torch.sin(t.to(x.dtype) * 0.01).unsqueeze(1)
    shift = torch.tanh(self.attn.to_k.forward(c.mean(1)) + wave)
    return 0.6 * x + 0.2 * self.conv.forward(x) + shift.unsqueeze(2).unsqueeze(3)
)");
  denoiser.save((directory / "denoiser.ts").string());
  write_manifest_and_encoder(directory, R"("adapter": {"kind": "lora", "rank": )" +
                                            std::to_string(rank) + R"(, "alpha": )" +
                                            std::to_string(alpha) +
                                            R"(, "scale_buffer": "*.lora_scale"})");
}

void write_tiny_reward(const fs::path& directory, const std::string& prefix,
                       const std::string& source) {
  fs::create_directories(directory);
  torch::jit::Module model("Reward");
  model.define(source.empty() ? kReward : source);
  model.save((directory / "model.ts").string());
  write_text(directory / "tokenizer.json", kTokenizer);
  write_text(directory / "reward.json", R"({
  "format": "loopline-reward", "version": 1, "name": "brightness",
  "files": {"model": "model.ts"},
  "image": {"channels": 3, "height": 4, "width": 4},
  "inputs": [{"source": "images"}, {"source": "tokens"}],
  "tokenizer": {"kind": "word", "file": "tokenizer.json", "length": 2, "pad_id": 0},
  "output": {"components": [")" + prefix + "reward\", \"" +
                                            prefix + "brightness\"], \"total\": \"" + prefix +
                                            "reward\"}\n}\n");
}

void write_script(const fs::path& path, const std::string& source) {
  torch::jit::Module module("Script");
  module.define(source);
  module.save(path.string());
}

void write_nested_script(const fs::path& path, const std::string& source) {
  torch::jit::Module inner("Inner"), outer("Outer");
  inner.define(source);
  outer.register_module("inner", inner);
  outer.define("def forward(self, x):\n    return self.inner.forward(x)\n");
  outer.save(path.string());
}

fs::path fresh_directory(const std::string& name) {
  struct Root {
    fs::path path = fs::path(::testing::TempDir()) / ("loopline_" + std::to_string(getpid()));
    ~Root() {
      std::error_code ignored;
      fs::remove_all(path, ignored);
    }
  };
  static const Root root;
  fs::remove_all(root.path / name);
  fs::create_directories(root.path / name);
  return root.path / name;
}

void write_tiny_world(const fs::path& world) {
  write_tiny_model(world / "model");
  write_tiny_reward(world / "reward");
  write_tiny_reward(world / "judge", "judge_");
  write_text(world / "prompts.txt", "dark\nlight\ndark light\n");
  write_text(world / "run.yaml", R"(model: model
prompts: prompts.txt
reward: reward
judges: [judge]
algorithm: loop
iterations: 4
threads: 1
rollout: {images: 32, group_size: 4, micro_batch: 8}
surrogate: {clip: 0.05}
learner: {updates_per_epoch: 2}
optimizer: {lr: 0.02}
samples: {every: 2, prompts: 2, per_prompt: 2, zoom: 1}
checkpoint: {every: 2, keep: 2}
evaluation: {images_per_prompt: 4}
)");
}

fs::path make_tiny_world(const std::string& name) {
  const fs::path world = fresh_directory(name);
  write_tiny_world(world);
  return world;
}

}  // namespace loopline::testing
