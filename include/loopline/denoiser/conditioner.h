#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "loopline/denoiser/condition.h"
#include "loopline/io/model_bundle.h"
#include "loopline/io/prompt.h"
#include "loopline/io/tokenizer.h"
#include "loopline/tensor/script_module.h"

namespace loopline::denoiser {

/// Prompts to conditions, as the bundle's `inputs` say: text-encoder outputs, class ids and numbers
/// from a prompt's metadata, constants. Not trained; runs without gradients.
///
/// A text is encoded once and kept in the host's memory, under its token ids; the device holds the
/// conditions that are asked for, and no more. The text encoder is there only while texts are
/// encoded: encode_ahead() drops it. For a text that comes later it is read from its file again,
/// and from then on waits in the host's memory. Each text is a call of its own, so its bits depend
/// neither on its companions nor on when it came.
class Conditioner {
 public:
  static constexpr std::int64_t kKeptBytes = std::int64_t{1} << 30;

  /// `kept_bytes`: of encoded texts; when it is reached they are all forgotten.
  Conditioner(const io::ModelBundle& bundle, at::Device device,
              std::int64_t kept_bytes = kKeptBytes);

  /// Encodes the texts of encode() and, when `guided`, of encode_unconditional(). More than may be
  /// kept are left to these. An unknown word is an Error that names it.
  void encode_ahead(const std::vector<io::Prompt>& prompts, bool guided);

  /// What encode_ahead() of these prompts keeps when nothing is kept yet, in bytes.
  std::int64_t bytes_ahead(const std::vector<io::Prompt>& prompts, bool guided) const;

  /// One row a prompt. Missing metadata and unknown words are Errors that name the prompt.
  Condition encode(const std::vector<io::Prompt>& prompts);

  /// The unconditional branch for the same prompts (negative texts where they have one). A bundle
  /// whose inputs do not say what unconditional means is an Error.
  Condition encode_unconditional(const std::vector<io::Prompt>& prompts);

 private:
  using Ids = std::vector<std::int64_t>;
  using Encoded = std::map<Ids, std::map<std::int64_t, at::Tensor>>;  ///< rows by output index

  std::set<Ids> missing(const std::set<std::string>& texts, const Encoded& kept) const;
  void run_encoder(const std::set<Ids>& texts);
  at::Tensor embeddings(const std::vector<std::string>& texts, std::int64_t output);

  io::ModelBundle bundle_;
  at::Device device_;
  std::unique_ptr<io::Tokenizer> tokenizer_;
  std::unique_ptr<tensor::ScriptModule> text_encoder_;
  std::set<std::int64_t> outputs_;  ///< of the text encoder, that inputs take
  std::int64_t text_bytes_ = 0;     ///< of one text's outputs
  std::size_t most_texts_ = 0;      ///< that are kept
  Encoded kept_;
};

}  // namespace loopline::denoiser
