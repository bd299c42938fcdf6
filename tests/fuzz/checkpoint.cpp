#include "loopline/run/checkpoint.h"

#include <algorithm>

#include "fuzzing.h"
#include "loopline/core/hash.h"

namespace {

using namespace loopline;
using nlohmann::json;

// The document with the hash that it should have: no fuzzer finds a SHA-256. Nothing for what is no
// object, or is nested too deep for writing it.
std::string with_right_hash(const std::string& text) {
  if (std::count_if(text.begin(), text.end(), [](char c) { return c == '{' || c == '['; }) > 500) {
    return "";
  }
  json document = json::parse(text, nullptr, false);
  if (!document.is_object()) return "";
  document.erase("sha256");
  document["sha256"] = sha256(document.dump());
  return document.dump();
}

void read(const std::string& state) {
  fuzz::scratch_file("00000003/state.json", state);
  fuzz::accepts([] { run::read_checkpoint(fuzz::scratch_directory() / "00000003"); });
}

}  // namespace

// The state.json of a checkpoint that holds a file "weights".
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool has_directory = [] {
    std::filesystem::create_directory(fuzz::scratch_directory() / "00000003");
    fuzz::scratch_file("00000003/weights", "abc");
    return true;
  }();
  fuzz::require(has_directory, "the checkpoint has its directory");
  const std::string text = fuzz::text_of(data, size);
  read(text);
  const std::string hashed = with_right_hash(text);
  if (!hashed.empty()) read(hashed);
  fuzz::accepts(
      [] { run::latest_checkpoint(fuzz::scratch_directory(), fuzz::require_fit_message); });
  return 0;
}
