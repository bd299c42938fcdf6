// A forward and a backward pass of a bundle that has segments, as it is and recomputed: seconds,
// and the bytes of tensors at the highest beyond what was there before.
//
//   recompute_benchmark BUNDLE [PATTERN OF TRAINED PARAMETERS ...] [--benchmark_...]

#include <ATen/ATen.h>
#include <benchmark/benchmark.h>

#include <iostream>

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

int run(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (argc < 2) {
    std::cerr << "usage: recompute_benchmark BUNDLE [PATTERN ...] [--benchmark_...]\n";
    return 2;
  }
  denoiser::Model model = denoiser::load_model(argv[1], at::kCPU);
  const tensor::NamedTensors trained =
      denoiser::select_trainable(*model.denoiser, {argv + 2, argv + argc});
  for (const std::int64_t rows : {48, 96}) {
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
