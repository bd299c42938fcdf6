#pragma once

#include <memory>

#include "loopline/io/tokenizer.h"

namespace loopline::io {

/// Whole words at white space; a word's id is its position in the vocabulary file.
std::unique_ptr<Tokenizer> load_word_tokenizer(const TokenizerSpec& spec);

}  // namespace loopline::io
