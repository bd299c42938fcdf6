#include "loopline/io/tokenizer.h"

#include "clip_tokenizer.h"
#include "loopline/core/error.h"
#include "word_tokenizer.h"

namespace loopline::io {
namespace {

struct Kind {
  const char* name;
  std::unique_ptr<Tokenizer> (*load)(const TokenizerSpec& spec);
};

constexpr Kind kKinds[] = {{"word", load_word_tokenizer}, {"clip_bpe", load_clip_tokenizer}};

}  // namespace

std::unique_ptr<Tokenizer> load_tokenizer(const TokenizerSpec& spec) {
  for (const Kind& kind : kKinds) {
    if (spec.kind == kind.name) return kind.load(spec);
  }
  throw Error("tokenizer", "this version of Loopline knows no kind \"" + spec.kind + "\"");
}

}  // namespace loopline::io
