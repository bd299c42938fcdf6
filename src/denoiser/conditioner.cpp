#include "loopline/denoiser/conditioner.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "loopline/core/error.h"
#include "loopline/core/log.h"
#include "loopline/core/text.h"
#include "loopline/tensor/json_tensor.h"
#include "loopline/tensor/upload.h"

namespace loopline::denoiser {
namespace {

bool is_text(const io::InputSpec& input) {
  return input.source.kind == io::InputSource::Kind::kTextEncoder;
}

std::vector<std::string> positive_texts(const std::vector<io::Prompt>& prompts) {
  std::vector<std::string> texts;
  for (const io::Prompt& prompt : prompts) texts.push_back(prompt.text);
  return texts;
}

/// What the unconditional branch of an input encodes.
std::vector<std::string> negative_texts(const std::vector<io::Prompt>& prompts,
                                        const io::InputSpec& input) {
  std::vector<std::string> texts;
  for (const io::Prompt& prompt : prompts) {
    texts.push_back(prompt.negative.empty() ? input.unconditional.prompt : prompt.negative);
  }
  return texts;
}

/// All texts that the inputs of a bundle encode for these prompts, each once.
std::set<std::string> texts_of(const io::ModelBundle& bundle,
                               const std::vector<io::Prompt>& prompts, bool guided) {
  std::set<std::string> texts;
  for (const io::InputSpec& input : bundle.inputs) {
    if (!is_text(input)) continue;
    for (std::string& text : positive_texts(prompts)) texts.insert(std::move(text));
    if (!guided || input.unconditional.kind != io::Unconditional::Kind::kPrompt) continue;
    for (std::string& text : negative_texts(prompts, input)) texts.insert(std::move(text));
  }
  return texts;
}

}  // namespace

Conditioner::Conditioner(const io::ModelBundle& bundle, at::Device device, std::int64_t kept_bytes)
    : bundle_(bundle), device_(device) {
  if (bundle.tokenizer) tokenizer_ = io::load_tokenizer(*bundle.tokenizer);
  if (bundle.text_encoder) {  // a bad file is refused now, not when the first text comes
    text_encoder_ = std::make_unique<tensor::ScriptModule>(*bundle.text_encoder, device);
  }
  for (const io::InputSpec& input : bundle.inputs) {
    if (!is_text(input) || !outputs_.insert(input.source.index).second) continue;
    std::int64_t bytes = sizeof(float);
    for (const std::int64_t size : input.shape) bytes *= size;
    text_bytes_ += bytes;
  }
  most_texts_ = static_cast<std::size_t>(kept_bytes / std::max<std::int64_t>(1, text_bytes_));
}

/// Those of the texts that are not in `kept`, or the first ones, when more may not be kept.
std::set<Conditioner::Ids> Conditioner::missing(const std::set<std::string>& texts,
                                                const Encoded& kept) const {
  std::set<Ids> result;
  for (const std::string& text : texts) {
    if (kept.size() + result.size() > most_texts_) break;
    Ids ids = tokenizer_->encode(text);
    if (!kept.contains(ids)) result.insert(std::move(ids));
  }
  return result;
}

void Conditioner::run_encoder(const std::set<Ids>& texts) {
  if (text_encoder_) {
    text_encoder_->move_to(device_);
  } else {
    text_encoder_ = std::make_unique<tensor::ScriptModule>(*bundle_.text_encoder, device_);
  }
  const at::NoGradGuard no_grad;
  for (const Ids& ids : texts) {
    const at::Tensor row = at::tensor(ids, at::kLong).unsqueeze(0);
    std::vector<at::Tensor> outputs = text_encoder_->call_all({row.to(device_)});
    if (*outputs_.rbegin() >= static_cast<std::int64_t>(outputs.size())) {
      throw Error(bundle_.text_encoder->string(), "returns " + std::to_string(outputs.size()) +
                                                      " tensor(s), inputs ask for index " +
                                                      std::to_string(*outputs_.rbegin()));
    }
    Encoded::mapped_type encoded;
    for (const std::int64_t index : outputs_) {
      encoded[index] = outputs[static_cast<std::size_t>(index)].squeeze(0).to(
          at::kCPU, /*non_blocking=*/false, /*copy=*/true);
    }
    kept_.emplace(ids, std::move(encoded));
  }
  log_debug("text encoder: " + std::to_string(texts.size()) + " texts encoded, " +
            std::to_string(kept_.size()) + " kept (" +
            human_bytes(static_cast<double>(kept_.size()) * static_cast<double>(text_bytes_)) +
            " of the host's memory)");
}

void Conditioner::encode_ahead(const std::vector<io::Prompt>& prompts, bool guided) {
  const std::set<Ids> texts = missing(texts_of(bundle_, prompts, guided), kept_);
  if (texts.empty() || kept_.size() + texts.size() > most_texts_) return;
  run_encoder(texts);
  text_encoder_.reset();
}

std::int64_t Conditioner::bytes_ahead(const std::vector<io::Prompt>& prompts, bool guided) const {
  const std::size_t count = missing(texts_of(bundle_, prompts, guided), {}).size();
  return count > most_texts_ ? 0 : static_cast<std::int64_t>(count) * text_bytes_;
}

at::Tensor Conditioner::embeddings(const std::vector<std::string>& texts, std::int64_t output) {
  std::vector<Ids> ids;
  std::set<Ids> wanted;
  for (const std::string& text : texts) {
    ids.push_back(tokenizer_->encode(text));
    if (!kept_.contains(ids.back())) wanted.insert(ids.back());
  }
  if (kept_.size() + wanted.size() > most_texts_) {
    kept_.clear();
    wanted.insert(ids.begin(), ids.end());
  }
  if (!wanted.empty()) {
    run_encoder(wanted);
    text_encoder_->move_to(at::kCPU);
  }
  std::vector<at::Tensor> rows;
  for (const Ids& text : ids) rows.push_back(kept_.at(text).at(output));
  return at::stack(rows);
}

Condition Conditioner::encode(const std::vector<io::Prompt>& prompts) {
  Condition condition;
  const auto rows = static_cast<std::int64_t>(prompts.size());
  for (const io::InputSpec& input : bundle_.inputs) {
    const at::ScalarType type = tensor::parse_scalar_type(input.dtype);
    at::Tensor value;
    switch (input.source.kind) {
      case io::InputSource::Kind::kTextEncoder:
        value = embeddings(positive_texts(prompts), input.source.index);
        break;
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
    condition.add(input.name, tensor::upload(value.to(type), device_));
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
      case io::Unconditional::Kind::kPrompt:
        value = tensor::upload(
            embeddings(negative_texts(prompts, input), input.source.index).to(type), device_);
        break;
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
