#include "loopline/io/tokenizer.h"

#include "fuzzing.h"

// A vocabulary file; after a zero byte, a text to encode. CLIP's reads the text as its merges, too.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace loopline;
  const auto [vocabulary, text] = fuzz::split_at_zero(fuzz::text_of(data, size));
  io::TokenizerSpec plain{.kind = "word",
                          .file = fuzz::scratch_file("words.json", vocabulary),
                          .vocab = {},
                          .merges = {},
                          .bos_id = {},
                          .eos_id = {},
                          .length = 4,
                          .pad_id = 0};
  io::TokenizerSpec framed = plain;
  framed.bos_id = 1;
  framed.eos_id = 2;
  framed.length = 2;
  io::TokenizerSpec clip = framed;
  clip.kind = "clip_bpe";
  clip.vocab = plain.file;
  clip.merges = fuzz::scratch_file("merges.txt", text);
  clip.length = 6;
  for (const io::TokenizerSpec& spec : {plain, framed, clip}) {
    fuzz::accepts([&, &text = text] {
      const auto ids = io::load_tokenizer(spec)->encode(text);
      fuzz::require(static_cast<std::int64_t>(ids.size()) == spec.length, "ids fill the length");
    });
  }
  return 0;
}
