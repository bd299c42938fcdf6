#include "loopline/io/prompt.h"

#include "fuzzing.h"

// The first letter chooses the kind of file, the rest is its content.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace loopline;
  if (size == 0) return 0;
  const char* name = data[0] == 't'   ? "prompts.txt"
                     : data[0] == 'j' ? "prompts.jsonl"
                                      : "prompts.yaml";
  const auto file = fuzz::scratch_file(name, fuzz::text_of(data + 1, size - 1));
  fuzz::accepts([&] {
    const std::vector<io::Prompt> prompts = io::read_prompts(file);
    fuzz::require(!prompts.empty(), "a prompt file holds prompts");
    for (const io::Prompt& prompt : prompts) {
      fuzz::require(prompt.weight > 0 && !prompt.id.empty(), "a prompt can be drawn");
      static_cast<void>(nlohmann::json(prompt.text + prompt.negative).dump());  // it is UTF-8
    }
    io::prompt_key(prompts.front());
  });
  return 0;
}
