#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "loopline/denoiser/condition.h"
#include "loopline/io/model_bundle.h"
#include "loopline/io/prompt.h"
#include "loopline/io/tokenizer.h"
#include "loopline/tensor/script_module.h"

namespace loopline::denoiser {

/// Prompts to conditions, as the bundle's `inputs` say: text-encoder outputs, class ids and numbers
/// from a prompt's metadata, constants. Text embeddings are computed once a text and kept.
/// Not trained; runs without gradients.
class Conditioner {
 public:
  Conditioner(const io::ModelBundle& bundle, at::Device device);

  /// One row a prompt. Missing metadata and unknown words are Errors that name the prompt.
  Condition encode(const std::vector<io::Prompt>& prompts);

  /// The unconditional branch for the same prompts (negative texts where they have one). A bundle
  /// whose inputs do not say what unconditional means is an Error.
  Condition encode_unconditional(const std::vector<io::Prompt>& prompts);

 private:
  at::Tensor embeddings(const std::vector<std::string>& texts, std::int64_t output);

  io::ModelBundle bundle_;
  at::Device device_;
  std::unique_ptr<io::Tokenizer> tokenizer_;
  std::unique_ptr<tensor::ScriptModule> text_encoder_;
  std::unordered_map<std::string, std::vector<at::Tensor>> cache_;  ///< text -> outputs, no batch
};

}  // namespace loopline::denoiser
