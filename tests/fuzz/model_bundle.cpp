#include "loopline/io/model_bundle.h"

#include "fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace loopline;
  static const bool has_files = [] {
    for (const char* name : {"denoiser.ts", "encoder.ts", "decoder.ts", "words.json"}) {
      fuzz::scratch_file(name, name);
    }
    return true;
  }();
  fuzz::scratch_file("bundle.json", fuzz::text_of(data, size));
  fuzz::accepts([] {
    const io::ModelBundle bundle = io::load_model_bundle(fuzz::scratch_directory());
    fuzz::require(has_files && bundle.hash.size() == 64, "a loaded bundle has a hash");
    fuzz::require(bundle.schedule.train_steps >= bundle.transition.steps, "steps are in range");
    io::needs_prompts(bundle);
  });
  return 0;
}
