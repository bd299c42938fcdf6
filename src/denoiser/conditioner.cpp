#include "loopline/denoiser/conditioner.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "loopline/core/error.h"
#include "loopline/tensor/json_tensor.h"

namespace loopline::denoiser {

Conditioner::Conditioner(const io::ModelBundle& bundle, at::Device device)
    : bundle_(bundle), device_(device) {
  if (bundle.tokenizer) tokenizer_ = io::load_tokenizer(*bundle.tokenizer);
  if (bundle.text_encoder) {
    text_encoder_ = std::make_unique<tensor::ScriptModule>(*bundle.text_encoder, device);
  }
}

at::Tensor Conditioner::embeddings(const std::vector<std::string>& texts, std::int64_t output) {
  at::NoGradGuard no_grad;
  std::vector<at::Tensor> rows;
  for (const std::string& text : texts) {
    auto found = cache_.find(text);
    if (found == cache_.end()) {
      const at::Tensor ids = at::tensor(tokenizer_->encode(text), at::kLong).unsqueeze(0);
      std::vector<at::Tensor> outputs = text_encoder_->call_all({ids.to(device_)});
      for (at::Tensor& tensor : outputs) tensor = tensor.squeeze(0);
      found = cache_.emplace(text, std::move(outputs)).first;
    }
    const auto& outputs = found->second;
    if (output >= static_cast<std::int64_t>(outputs.size())) {
      throw Error(bundle_.text_encoder->string(), "returns " + std::to_string(outputs.size()) +
                                                      " tensor(s), inputs ask for index " +
                                                      std::to_string(output));
    }
    rows.push_back(outputs[static_cast<std::size_t>(output)]);
  }
  return at::stack(rows);
}

Condition Conditioner::encode(const std::vector<io::Prompt>& prompts) {
  Condition condition;
  const auto rows = static_cast<std::int64_t>(prompts.size());
  for (const io::InputSpec& input : bundle_.inputs) {
    const at::ScalarType type = tensor::parse_scalar_type(input.dtype);
    at::Tensor value;
    switch (input.source.kind) {
      case io::InputSource::Kind::kTextEncoder: {
        std::vector<std::string> texts;
        for (const io::Prompt& prompt : prompts) texts.push_back(prompt.text);
        value = embeddings(texts, input.source.index);
        break;
      }
      case io::InputSource::Kind::kClassId:
      case io::InputSource::Kind::kPrompt:
        value = tensor::tensor_from_metadata(prompts, input.source.key, input.shape, type,
                                             "the model's input \"" + input.name + "\"");
        break;
      case io::InputSource::Kind::kConstant:
        value = tensor::tensor_from_json(input.source.value, input.shape, type, input.name)
                    .unsqueeze(0)
                    .repeat_interleave(rows, 0);
        break;
    }
    condition.add(input.name, value.to(device_, type));
  }
  return condition;
}

Condition Conditioner::encode_unconditional(const std::vector<io::Prompt>& prompts) {
  const Condition conditional = encode(prompts);
  Condition condition;
  for (std::size_t i = 0; i < bundle_.inputs.size(); ++i) {
    const io::InputSpec& input = bundle_.inputs[i];
    const at::ScalarType type = tensor::parse_scalar_type(input.dtype);
    at::Tensor value = conditional.tensors()[i].second;
    switch (input.unconditional.kind) {
      case io::Unconditional::Kind::kNone:
        throw Error(bundle_.directory.string() + "/bundle.json",
                    "input \"" + input.name +
                        "\" does not say what unconditional means, so "
                        "guidance must be 1",
                    "set inputs[].unconditional or sampler.guidance: 1");
      case io::Unconditional::Kind::kPrompt: {
        std::vector<std::string> texts;
        for (const io::Prompt& prompt : prompts) {
          texts.push_back(prompt.negative.empty() ? input.unconditional.prompt : prompt.negative);
        }
        value = embeddings(texts, input.source.index).to(device_, type);
        break;
      }
      case io::Unconditional::Kind::kValue:
        value = tensor::tensor_from_json(input.unconditional.value, input.shape, type, input.name)
                    .to(device_)
                    .expand_as(value)
                    .contiguous();
        break;
      case io::Unconditional::Kind::kSame:
        break;
    }
    condition.add(input.name, value);
  }
  return condition;
}

}  // namespace loopline::denoiser
