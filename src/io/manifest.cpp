#include "manifest.h"

#include <system_error>

#include "loopline/core/error.h"
#include "loopline/core/files.h"

namespace loopline::io {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kVersion = 1;
constexpr std::uint64_t kMaxManifestBytes = 16 << 20;

}  // namespace

void read_format(JsonFields& manifest, const std::string& format) {
  const std::string found = manifest.text("format");
  if (found != format) {
    manifest.fail("format", "is \"" + found + "\", and must be \"" + format + "\"");
  }
  const std::int64_t version = manifest.integer("version", at_least(1));
  if (version > kVersion) {
    manifest.fail("version", "is " + std::to_string(version) + ", and this Loopline reads 1",
                  "use a newer Loopline");
  }
  if (!manifest.has("requires")) return;
  const std::vector<std::string> features = manifest.texts("requires");
  if (!features.empty()) {
    manifest.fail("requires",
                  "names \"" + features.front() + "\", which this Loopline does not know",
                  "use a newer Loopline");
  }
}

ImageSpec read_image_spec(JsonFields& fields, double low, double high) {
  ImageSpec image;
  image.channels = fields.integer("channels", between(1, 4));
  if (image.channels == 2) fields.fail("channels", "is 2, and must be 1, 3 or 4");
  image.height = fields.integer("height", between(1, kMaxSide));
  image.width = fields.integer("width", between(1, kMaxSide));
  image.low = low;
  image.high = high;
  if (fields.has("data_range")) {
    const std::vector<double> range = fields.numbers("data_range");
    if (range.size() != 2 || !(range[0] < range[1])) {
      fields.fail("data_range", "must be two numbers, the lower first");
    }
    image.low = range[0];
    image.high = range[1];
  }
  return image;
}

TokenizerSpec read_tokenizer(JsonFields fields, const fs::path& directory) {
  TokenizerSpec spec;
  spec.kind = fields.choice("kind", {"word", "clip_bpe"});
  if (spec.kind == "word") {
    spec.file = fields.file("file", directory);
  } else {
    spec.vocab = fields.file("vocab", directory);
    spec.merges = fields.file("merges", directory);
  }
  spec.bos_id = fields.maybe_integer("bos_id", at_least(0));
  spec.eos_id = fields.maybe_integer("eos_id", at_least(0));
  spec.length = fields.integer("length", between(1, kMaxSide));
  spec.pad_id = fields.integer("pad_id", at_least(0));
  if (spec.length < (spec.bos_id ? 1 : 0) + (spec.eos_id ? 1 : 0)) {
    fields.fail("length", "has no room for bos_id and eos_id");
  }
  fields.finish();
  return spec;
}

std::string read_dtype(JsonFields& fields) {
  return fields.choice("dtype", {"float32", "float16", "bfloat16", "int64", "int32", "bool"});
}

std::vector<std::int64_t> read_shape(JsonFields& fields) {
  constexpr std::int64_t kMaxElements = std::int64_t{1} << 31;
  std::vector<std::int64_t> shape = fields.shape("shape", between(1, kMaxElements));
  std::int64_t elements = 1;
  for (const std::int64_t size : shape) {
    if (size > kMaxElements / elements) fields.fail("shape", "has more than 2^31 elements");
    elements *= size;
  }
  return shape;
}

nlohmann::json read_provenance(JsonFields& manifest) {
  if (!manifest.has("provenance")) return nlohmann::json::object();
  manifest.object("provenance");  // it must be an object; what is in it is the author's
  return manifest.value("provenance");
}

void append_tokenizer_files(NamedFiles& files, const TokenizerSpec& tokenizer) {
  if (!tokenizer.file.empty()) files.emplace_back("tokenizer.file", tokenizer.file);
  if (!tokenizer.vocab.empty()) files.emplace_back("tokenizer.vocab", tokenizer.vocab);
  if (!tokenizer.merges.empty()) files.emplace_back("tokenizer.merges", tokenizer.merges);
}

std::string read_manifest(const fs::path& directory, const std::string& name) {
  std::error_code ignored;
  if (!fs::is_directory(directory, ignored)) {
    throw Error(directory.string(), "no such directory", "a bundle is a directory with " + name);
  }
  const fs::path path = directory / name;
  if (!fs::is_regular_file(path, ignored)) {
    throw Error(directory.string(), "has no " + name, "a bundle is a directory with " + name);
  }
  return read_file(path, kMaxManifestBytes);
}

std::string hash_bundle(const std::string& manifest, const NamedFiles& files,
                        const std::string& where) {
  for (const auto& [field, path] : files) {
    std::error_code ignored;
    if (!fs::is_regular_file(path, ignored)) {
      throw Error(where, field + " names " + path.string() + ", which is no file");
    }
  }
  std::string lines = sha256(manifest) + "\n";
  for (const auto& [field, path] : files) lines += sha256_file(path) + "\n";
  return sha256(lines);
}

}  // namespace loopline::io
