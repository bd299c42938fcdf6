#include "loopline/reward/torchscript_reward.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "loopline/core/error.h"
#include "loopline/tensor/json_tensor.h"
#include "loopline/tensor/script_module.h"

namespace loopline::reward {
namespace {

class TorchScriptReward : public Reward {
 public:
  TorchScriptReward(io::RewardBundle bundle, at::Device device)
      : bundle_(std::move(bundle)), module_(bundle_.model, device), device_(device) {
    if (bundle_.tokenizer) tokenizer_ = io::load_tokenizer(*bundle_.tokenizer);
  }

  const std::string& name() const override { return bundle_.name; }
  const std::vector<std::string>& component_names() const override { return bundle_.components; }

  Scores score(const at::Tensor& images, const std::vector<io::Prompt>& prompts) override {
    at::NoGradGuard no_grad;
    std::vector<at::Tensor> arguments;
    for (const io::RewardInput& input : bundle_.inputs) {
      arguments.push_back(argument(input, images, prompts).to(device_));
    }
    const Scores scores = read(module_.call(arguments, bundle_.output_index), images.size(0));
    return scores;
  }

 private:
  at::Tensor argument(const io::RewardInput& input, const at::Tensor& images,
                      const std::vector<io::Prompt>& prompts) const {
    switch (input.kind) {
      case io::RewardInput::Kind::kImages:
        return fit(images);
      case io::RewardInput::Kind::kTokens: {
        std::vector<at::Tensor> rows;
        for (const io::Prompt& prompt : prompts) {
          rows.push_back(at::tensor(tokenizer_->encode(prompt.text), at::kLong));
        }
        return at::stack(rows);
      }
      case io::RewardInput::Kind::kMetadata:
        return tensor::tensor_from_metadata(prompts, input.key, input.shape,
                                            tensor::parse_scalar_type(input.dtype),
                                            "reward \"" + bundle_.name + "\"");
    }
    LOOPLINE_CHECK(false, "unknown reward input");
  }

  /// Images of the size and range that the network was made for.
  at::Tensor fit(const at::Tensor& images) const {
    const io::ImageSpec& spec = bundle_.image;
    at::Tensor fitted = images;
    if (images.size(2) != spec.height || images.size(3) != spec.width) {
      if (!bundle_.resize) {
        throw Error("reward \"" + bundle_.name + "\"",
                    "takes images of " + std::to_string(spec.width) + "x" +
                        std::to_string(spec.height) + ", these have " +
                        std::to_string(images.size(3)) + "x" + std::to_string(images.size(2)),
                    "set image.resize: bilinear in reward.json if it may be resized");
      }
      const std::vector<std::int64_t> size{spec.height, spec.width};
      fitted = at::_upsample_bilinear2d_aa(images, size, /*align_corners=*/false);
    }
    if (images.size(1) != spec.channels) {
      throw Error("reward \"" + bundle_.name + "\"",
                  "takes images of " + std::to_string(spec.channels) + " channels, these have " +
                      std::to_string(images.size(1)));
    }
    return fitted * (spec.high - spec.low) + spec.low;
  }

  Scores read(const at::Tensor& result, std::int64_t rows) const {
    const auto columns = static_cast<std::int64_t>(bundle_.components.size());
    const at::Tensor table =
        result.to(at::kCPU, at::kDouble).reshape({result.size(0), -1}).contiguous();
    if (table.size(0) != rows || table.size(1) != columns) {
      throw Error(bundle_.model.string(),
                  "returns " + std::to_string(table.size(0)) + " x " +
                      std::to_string(table.size(1)) + " values for " + std::to_string(rows) +
                      " images; output.components names " + std::to_string(columns));
    }
    const double* values = table.const_data_ptr<double>();
    const auto column = [&](std::int64_t c) {
      std::vector<double> out;
      for (std::int64_t row = 0; row < rows; ++row) out.push_back(values[row * columns + c]);
      return out;
    };
    Scores scores;
    for (std::int64_t c = 0; c < columns; ++c) {
      scores.components.emplace_back(bundle_.components[static_cast<std::size_t>(c)], column(c));
    }
    scores.total = column(bundle_.total);
    scores.valid.assign(static_cast<std::size_t>(rows), true);
    if (bundle_.valid) {
      const std::vector<double> flags = column(*bundle_.valid);
      for (std::size_t i = 0; i < flags.size(); ++i) scores.valid[i] = flags[i] != 0;
    }
    return scores;
  }

  io::RewardBundle bundle_;
  tensor::ScriptModule module_;
  at::Device device_;
  std::unique_ptr<io::Tokenizer> tokenizer_;
};

}  // namespace

std::unique_ptr<Reward> load_torchscript_reward(io::RewardBundle bundle, at::Device device) {
  return std::make_unique<TorchScriptReward>(std::move(bundle), device);
}

}  // namespace loopline::reward
