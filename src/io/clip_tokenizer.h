#pragma once

#include <memory>

#include "loopline/io/tokenizer.h"

namespace loopline::io {

/// CLIP's byte-pair encoding. Ids are those of transformers' CLIPTokenizer (5.23) with
/// padding="max_length" and truncation.
std::unique_ptr<Tokenizer> load_clip_tokenizer(const TokenizerSpec& spec);

}  // namespace loopline::io
