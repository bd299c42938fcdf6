#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace loopline::testing {

/// A small model bundle as somebody else would write it for their own network: what it is
/// conditioned on, its shapes, its conventions. The network is
///
///     gain x + conv2d(silu(x), kernel, bias) + [C] (sin(t / 100) time + condition)
///
/// with t as the network is given it, and it asserts that the timestep has the dtype and the
/// dimensions of the manifest. conditions: "text": mean over words @ mix; "class": table[id];
/// "numbers": numbers @ mix, where a constant input (true) says so; "none": 0.
struct Stranger {
  std::string name;
  std::string condition = "none";
  std::int64_t channels = 3, height = 5, width = 7;  ///< of a latent
  std::int64_t image_channels = 0;  ///< 0: pixel space; else a decoder that doubles the sides
  std::string prediction = "epsilon";
  std::string schedule = R"({"kind": "linear", "train_steps": 100,
                             "beta_start": 0.001, "beta_end": 0.05})";
  double low = -1, high = 1;
  std::string timestep_batch = "per_sample", timestep_dtype = "int64";
  double timestep_scale = 1;
  std::optional<std::int64_t> output_index{};
  double guidance = 1;

  bool has_decoder() const { return image_channels != 0; }
  std::int64_t image_channel_count() const { return has_decoder() ? image_channels : channels; }
  std::int64_t image_height() const { return has_decoder() ? 2 * height : height; }
  std::int64_t image_width() const { return has_decoder() ? 2 * width : width; }
};

/// The kinds that must work, one of each.
const std::vector<Stranger>& strangers();

/// Writes the bundle, and a file of prompts that it understands beside its manifest,
/// prompts.jsonl (three, none of them for "none" more than its text).
void write_stranger(const std::filesystem::path& directory, const Stranger& stranger);

/// For the names of parametrised tests.
void PrintTo(const Stranger& stranger, std::ostream* stream);

}  // namespace loopline::testing
