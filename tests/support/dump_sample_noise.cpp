// The noise that `loopline sample` draws, for whoever makes the same images from it:
// dump_sample_noise PROMPTS COUNT SEED STEPS CHANNELS HEIGHT WIDTH OUT.safetensors
//
// `noise`, float32 [N, STEPS + 1, C, H, W]: the initial latents, then that of each transition, of
// COUNT images of each prompt in turn.

#include <ATen/ATen.h>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "loopline/io/prompt.h"
#include "loopline/tensor/noise.h"
#include "loopline/tensor/tensor_file.h"
#include "loopline/train/evaluation.h"

namespace {

void dump(const std::vector<std::string>& arguments) {
  const auto number = [&](std::size_t i) { return std::stoll(arguments[i]); };
  std::vector<loopline::Draw> draws;
  for (const loopline::io::Prompt& prompt : loopline::io::read_prompts(arguments[0])) {
    for (std::int64_t k = 0; k < number(1); ++k) {
      draws.push_back(loopline::train::content_draw(
          loopline::Stream::kSample, static_cast<std::uint64_t>(number(2)), prompt, k));
    }
  }
  std::vector<at::Tensor> noise;
  for (std::uint32_t step = 0; step <= number(3); ++step) {
    noise.push_back(
        loopline::tensor::normal_rows(draws, step, {number(4), number(5), number(6)}, at::kCPU));
  }
  loopline::tensor::save_tensors(arguments[7], {{"noise", at::stack(noise, 1)}});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 9) {
    std::fprintf(stderr,
                 "usage: dump_sample_noise PROMPTS COUNT SEED STEPS CHANNELS HEIGHT WIDTH OUT\n");
    return 2;
  }
  try {
    dump({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
