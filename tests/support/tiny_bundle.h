#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace loopline::testing {

/// A small world made on the spot, so that tests need no file from anywhere: 3 x 4 x 4 pixel-space
/// images, two words, a text encoder, a denoiser of 11 parameters and a reward that likes the
/// brightness its prompt names ("dark" or "light").

/// Writes model bundle `directory` (bundle.json, denoiser.ts, text_encoder.ts, tokenizer.json).
/// `denoiser_source` replaces the network's forward(self, x, t, c) (TorchScript source).
void write_tiny_model(const std::filesystem::path& directory,
                      const std::string& denoiser_source = "");

/// The same world with a deeper network, 16 channels inside, that can be computed in four segments:
/// `blocks` (a multiple of 4) residual blocks, a skip from the first segment to the last, the
/// timestep and the text handed from each to the next. Parameters: first, time, text, scale,
/// block_0 .., last; all require a gradient. `segments`: what the manifest names; `more_source`:
/// further methods.
void write_deep_model(const std::filesystem::path& directory, int blocks,
                      const std::vector<std::string>& segments = {"segment_0", "segment_1",
                                                                  "segment_2", "segment_3"},
                      const std::string& more_source = "");

/// The same world with a frozen base and low-rank adapters as PEFT names them: parameters base,
/// to.lora_A, to.lora_B (zeros, as adapters begin), which alone require a gradient, and the buffer
/// to.lora_scale. Without trainable.patterns in the manifest.
void write_adapted_model(const std::filesystem::path& directory);

/// The same world with adapters exactly as PEFT names them, on a linear layer, attn.to_k, and on a
/// convolution, conv: LAYER.base_layer.weight (and .bias), LAYER.lora_A.default.weight,
/// LAYER.lora_B.default.weight (zeros), and the buffer LAYER.lora_scale, alpha / rank.
void write_lora_model(const std::filesystem::path& directory, int rank, double alpha);

/// Writes reward bundle `directory`; components named reward, and `PREFIXbrightness`.
/// `source` replaces its forward(self, images, ids).
void write_tiny_reward(const std::filesystem::path& directory, const std::string& prefix = "",
                       const std::string& source = "");

/// A TorchScript file without parameters: `source` defines its forward. Nested: the forward is that
/// of a submodule, which the module itself calls.
void write_script(const std::filesystem::path& path, const std::string& source);
void write_nested_script(const std::filesystem::path& path, const std::string& source);

/// An empty directory of this process, removed when it ends: tests run side by side, each in a
/// process of its own.
std::filesystem::path fresh_directory(const std::string& name);

/// Writes model/, reward/, judge/, prompts.txt and run.yaml (LOOP, K = 4, 32 images, 3 steps) into
/// `world`, a directory that exists.
void write_tiny_world(const std::filesystem::path& world);

/// The same in a fresh directory, which is returned.
std::filesystem::path make_tiny_world(const std::string& name);

}  // namespace loopline::testing
