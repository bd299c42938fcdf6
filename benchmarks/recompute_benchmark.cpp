// A forward and a backward pass of a bundle that has segments, as it is and recomputed: seconds,
// and the bytes of tensors at the highest beyond what was there before.
//
//   recompute_benchmark BUNDLE [--rows=N]... [--precision=bf16] [PATTERN OF TRAINED PARAMETERS ...]
//     [--benchmark_...]

#include <ATen/ATen.h>
#include <benchmark/benchmark.h>

#include <iostream>
#include <string>
#include <vector>

#include "loopline/core/error.h"
#include "loopline/denoiser/model.h"
#include "support/peak_memory.h"

namespace loopline {
namespace {

void train_once(denoiser::Denoiser& denoiser, const tensor::NamedTensors& trained,
                const at::Tensor& latents, const denoiser::Condition& condition) {
  const at::Tensor timesteps =
      at::arange(latents.size(0), at::kLong) % denoiser.spec().schedule.train_steps;
  denoiser.predict(latents, timesteps, condition).square().mean().backward();
  for (const auto& [name, parameter] : trained) {
    at::Tensor shared = parameter;
    shared.mutable_grad() = at::Tensor();
  }
}

void measure(benchmark::State& state, denoiser::Model& model, const tensor::NamedTensors& trained,
             std::int64_t rows, bool recompute) {
  const io::LatentSpec& spec = model.bundle.latent;
  const std::vector<std::int64_t> shape{rows, spec.channels, spec.height, spec.width};
  const at::Tensor latents =
      at::sin(at::arange(rows * spec.channels * spec.height * spec.width, at::kFloat))
          .reshape(shape);
  const denoiser::Condition condition =
      model.conditioner->encode({io::make_prompt("")}).repeat_interleave(rows);
  model.denoiser->set_recompute(recompute);
  train_once(*model.denoiser, trained, latents, condition);
  {
    const testing::PeakMemory memory;
    train_once(*model.denoiser, trained, latents, condition);
    state.counters["peak_MiB"] = static_cast<double>(memory.peak()) / (1 << 20);
  }
  for (auto _ : state) train_once(*model.denoiser, trained, latents, condition);
}

/// What follows `--name=`, out of `arguments`.
std::vector<std::string> take_options(std::vector<std::string>& arguments,
                                      const std::string& name) {
  const std::string prefix = "--" + name + "=";
  std::vector<std::string> values;
  std::erase_if(arguments, [&](const std::string& argument) {
    if (!argument.starts_with(prefix)) return false;
    values.push_back(argument.substr(prefix.size()));
    return true;
  });
  return values;
}

int run(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  std::vector<std::string> arguments(argv + 1, argv + argc);
  std::vector<std::string> rows_wanted = take_options(arguments, "rows");
  if (rows_wanted.empty()) rows_wanted = {"48", "96"};
  const std::vector<std::string> precision = take_options(arguments, "precision");
  if (arguments.empty()) {
    std::cerr << "usage: recompute_benchmark BUNDLE [--rows=N]... [--precision=bf16] [PATTERN ...] "
                 "[--benchmark_...]\n";
    return 2;
  }
  denoiser::Model model = denoiser::load_model(
      arguments[0], at::kCPU,
      tensor::parse_precision(precision.empty() ? "fp32" : precision.back(), at::kCPU));
  const tensor::NamedTensors trained =
      denoiser::select_trainable(*model.denoiser, {arguments.begin() + 1, arguments.end()});
  for (const std::string& wanted : rows_wanted) {
    const std::int64_t rows = std::stoll(wanted);
    for (const bool recompute : {false, true}) {
      const std::string name =
          std::to_string(rows) + (recompute ? " rows, recomputed" : " rows, as it is");
      benchmark::RegisterBenchmark(name.c_str(), [&, rows, recompute](benchmark::State& state) {
        measure(state, model, trained, rows, recompute);
      })->Unit(benchmark::kMillisecond);
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace
}  // namespace loopline

int main(int argc, char** argv) {
  try {
    return loopline::run(argc, argv);
  } catch (const loopline::Error& error) {
    std::cerr << error.what() << "\n";
    return static_cast<int>(error.exit_code());
  }
}
