#include "loopline/io/reward_bundle.h"

#include <algorithm>
#include <set>

#include "manifest.h"

namespace loopline::io {
namespace {

namespace fs = std::filesystem;

std::vector<RewardInput> read_reward_inputs(JsonFields& manifest) {
  using Kind = RewardInput::Kind;
  std::vector<RewardInput> inputs;
  for (JsonFields& fields : manifest.objects("inputs")) {
    RewardInput input;
    input.kind = fields.choice<Kind>(
        "source",
        {{"images", Kind::kImages}, {"tokens", Kind::kTokens}, {"metadata", Kind::kMetadata}});
    if (input.kind == Kind::kMetadata) {
      input.key = fields.text("key");
      input.dtype = read_dtype(fields);
      input.shape = read_shape(fields);
    }
    fields.finish();
    inputs.push_back(std::move(input));
  }
  if (inputs.empty()) manifest.fail("inputs", "is empty");
  return inputs;
}

std::int64_t read_component(JsonFields& fields, const std::string& name,
                            const std::vector<std::string>& components) {
  const std::string component = fields.choice(name, components);
  return std::find(components.begin(), components.end(), component) - components.begin();
}

void read_reward_output(JsonFields fields, RewardBundle& bundle) {
  bundle.output_index = fields.maybe_integer("index", between(0, 1000));
  bundle.components = fields.texts("components");
  const std::set<std::string> distinct(bundle.components.begin(), bundle.components.end());
  if (distinct.empty()) fields.fail("components", "is empty");
  if (distinct.size() != bundle.components.size()) {
    fields.fail("components", "names one component twice");
  }
  bundle.total = read_component(fields, "total", bundle.components);
  if (fields.has("valid")) {
    bundle.valid = read_component(fields, "valid", bundle.components);
    if (bundle.valid == bundle.total) fields.fail("valid", "is the same component as total");
  }
  fields.finish();
}

std::string reward_json(const fs::path& directory) { return (directory / "reward.json").string(); }

}  // namespace

RewardBundle parse_reward_bundle(const std::string& text, const fs::path& directory) {
  const std::string where = reward_json(directory);
  const nlohmann::json json = parse_json(text, where);
  JsonFields manifest(json, where);
  read_format(manifest, "loopline-reward");
  RewardBundle bundle;
  bundle.directory = fs::absolute(directory).lexically_normal();
  bundle.name = manifest.text("name");
  JsonFields files = manifest.object("files");
  bundle.model = files.file("model", bundle.directory);
  files.finish();
  JsonFields image = manifest.object("image");
  bundle.image = read_image_spec(image, 0, 1);
  if (image.has("resize"))
    bundle.resize = image.choice("resize", {"none", "bilinear"}) == "bilinear";
  image.finish();
  bundle.inputs = read_reward_inputs(manifest);
  if (manifest.has("tokenizer")) {
    bundle.tokenizer = read_tokenizer(manifest.object("tokenizer"), bundle.directory);
  }
  read_reward_output(manifest.object("output"), bundle);
  bundle.provenance = read_provenance(manifest);
  manifest.finish();

  const bool takes_tokens = std::any_of(
      bundle.inputs.begin(), bundle.inputs.end(),
      [](const RewardInput& input) { return input.kind == RewardInput::Kind::kTokens; });
  if (takes_tokens != bundle.tokenizer.has_value()) {
    manifest.fail("tokenizer", takes_tokens ? "is missing, and some input is tokens"
                                            : "is there, and no input is tokens");
  }
  return bundle;
}

RewardBundle load_reward_bundle(const fs::path& directory) {
  const std::string text = read_manifest(directory, "reward.json");
  RewardBundle bundle = parse_reward_bundle(text, directory);
  NamedFiles files{{"files.model", bundle.model}};
  if (bundle.tokenizer) append_tokenizer_files(files, *bundle.tokenizer);
  bundle.hash = hash_bundle(text, files, reward_json(directory));
  return bundle;
}

}  // namespace loopline::io
