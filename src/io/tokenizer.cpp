#include "loopline/io/tokenizer.h"

#include "loopline/core/error.h"
#include "word_tokenizer.h"

namespace loopline::io {

std::unique_ptr<Tokenizer> load_tokenizer(const TokenizerSpec& spec) {
  if (spec.kind == "word") return load_word_tokenizer(spec);
  throw Error("tokenizer", "its kind is " + spec.kind +
                               ", and this version of Loopline encodes word tokenizers only");
}

}  // namespace loopline::io
