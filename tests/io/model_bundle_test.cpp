#include "loopline/io/model_bundle.h"

#include <gmock/gmock.h>

#include "io/io_testing.h"

namespace loopline::io {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

json example() { return documented_json("bundle.json"); }

ModelBundle parse(const json& manifest) { return parse_model_bundle(manifest.dump(), "/b"); }
std::string refusal(const json& manifest) {
  return error_of([&] { parse(manifest); });
}

// A pixel-space model without conditions: the least that a manifest may hold.
json smallest() {
  return json::parse(R"({
    "format": "loopline-bundle", "version": 1, "name": "n", "files": {"denoiser": "d.ts"},
    "latent": {"channels": 1, "height": 8, "width": 8},
    "image": {"channels": 1, "height": 8, "width": 8},
    "prediction_type": "sample",
    "schedule": {"kind": "betas", "train_steps": 3, "betas": [0.1, 0.2, 0.3]},
    "timestep": {"batch": "scalar", "dtype": "float32", "scale": 0.001},
    "output": {"channels": 1}, "transition": {"steps": 2}})");
}

TEST(ModelBundle, ReadsTheExampleOfTheSpecification) {
  const ModelBundle b = parse(example());
  EXPECT_EQ(b.directory, "/b");
  EXPECT_EQ(b.name, "my-model");
  EXPECT_EQ(b.denoiser, "/b/denoiser.ts");
  EXPECT_EQ(b.text_encoder, "/b/text_encoder.ts");
  EXPECT_EQ(b.decoder, "/b/decoder.ts");
  EXPECT_EQ(b.latent.channels, 12);
  EXPECT_EQ(b.latent.height, 8);
  EXPECT_EQ(b.latent.width, 16);
  EXPECT_EQ(b.image.width, 32);
  EXPECT_EQ(b.image.low, -1);
  EXPECT_EQ(b.image.high, 1);
  EXPECT_EQ(b.prediction_type, PredictionType::kEpsilon);
  EXPECT_EQ(b.schedule.kind, ScheduleKind::kScaledLinear);
  EXPECT_EQ(b.schedule.beta_start, 0.00085);
  EXPECT_EQ(b.schedule.beta_end, 0.012);
  EXPECT_TRUE(b.timestep.per_sample);
  ASSERT_EQ(b.inputs.size(), 1U);
  EXPECT_EQ(b.inputs[0].name, "encoder_hidden_states");
  EXPECT_THAT(b.inputs[0].shape, ElementsAre(8, 64));
  EXPECT_EQ(b.inputs[0].source.kind, InputSource::Kind::kTextEncoder);
  EXPECT_EQ(b.inputs[0].unconditional.kind, Unconditional::Kind::kPrompt);
  EXPECT_EQ(b.inputs[0].unconditional.prompt, "");
  EXPECT_EQ(b.output_index, std::nullopt);
  EXPECT_EQ(b.transition.steps, 10);
  EXPECT_EQ(b.transition.steps_offset, 1);
  EXPECT_FALSE(b.transition.set_alpha_to_one);
  EXPECT_TRUE(b.transition.clip_sample);
  EXPECT_EQ(b.transition.min_sigma, 0.05);
  EXPECT_FALSE(b.transition.last_step_noise);
  ASSERT_TRUE(b.tokenizer);
  EXPECT_EQ(b.tokenizer->file, "/b/tokenizer.json");
  EXPECT_EQ(b.tokenizer->length, 8);
  EXPECT_THAT(b.trainable_patterns, ElementsAre("*.attn2.*"));
  EXPECT_EQ(b.provenance["licence"], "Apache-2.0");
  EXPECT_FALSE(b.adapter);
}

TEST(ModelBundle, ReadsTheWorkedExampleOfTheDocs) {
  const ModelBundle b = parse(documented_json("Your own model, by hand"));
  ASSERT_EQ(b.inputs.size(), 1U);
  EXPECT_EQ(b.inputs[0].source.kind, InputSource::Kind::kClassId);
  EXPECT_TRUE(needs_prompts(b));
}

TEST(ModelBundle, FillsTheDocumentedDefaults) {
  json manifest = smallest();
  manifest["transition"] = json::object();
  manifest["schedule"] = {{"kind", "squaredcos_cap_v2"}, {"train_steps", 1000}};
  const ModelBundle b = parse(manifest);
  EXPECT_FALSE(b.text_encoder || b.decoder || b.tokenizer || b.adapter || b.output_index);
  EXPECT_EQ(b.latent.scaling, 1);
  EXPECT_EQ(b.latent.shift, 0);
  EXPECT_EQ(b.image.low, -1);
  EXPECT_EQ(b.image.high, 1);
  EXPECT_FALSE(b.schedule.rescale_zero_terminal_snr);
  EXPECT_TRUE(b.inputs.empty());
  EXPECT_EQ(b.transition.family, "ddim");
  EXPECT_EQ(b.transition.steps, 50);
  EXPECT_EQ(b.transition.eta, 1);
  EXPECT_EQ(b.transition.spacing, TimestepSpacing::kLeading);
  EXPECT_EQ(b.transition.steps_offset, 0);
  EXPECT_TRUE(b.transition.set_alpha_to_one);
  EXPECT_FALSE(b.transition.clip_sample);
  EXPECT_EQ(b.transition.clip_sample_range, 1);
  EXPECT_EQ(b.transition.min_sigma, 0);
  EXPECT_TRUE(b.transition.last_step_noise);
  EXPECT_EQ(b.transition.guidance, 1);
  EXPECT_TRUE(b.trainable_patterns.empty());
  EXPECT_TRUE(b.segments.empty());
  EXPECT_EQ(b.provenance, json::object());
}

TEST(ModelBundle, ReadsWhatOnlyOtherModelsUse) {
  json manifest = smallest();
  manifest["inputs"] = json::parse(R"([
    {"name": "c", "dtype": "int64", "shape": [], "source": {"kind": "class_id"},
     "unconditional": {"value": 10}},
    {"name": "p", "dtype": "float16", "shape": [2], "source": {"kind": "prompt", "key": "size"},
     "unconditional": {"same": true}},
    {"name": "k", "dtype": "float32", "shape": [1, 2],
     "source": {"kind": "constant", "value": [[0.5, 1]]}, "unconditional": {"value": 0}}])");
  manifest["output"]["index"] = 1;
  manifest["transition"] = {{"steps", 3}, {"guidance", 7.5}, {"spacing", "trailing"}};
  manifest["schedule"]["rescale_zero_terminal_snr"] = true;
  manifest["trainable"] = {{"names", {{"a.b", "c.d"}}}};
  manifest["adapter"] = {{"kind", "lora"}, {"rank", 4}, {"alpha", 8}, {"scale_buffer", "s"}};
  manifest["segments"] = {"segment_0", "middle", "segment_1"};
  const ModelBundle b = parse(manifest);
  ASSERT_EQ(b.inputs.size(), 3U);
  EXPECT_EQ(b.inputs[0].source.kind, InputSource::Kind::kClassId);
  EXPECT_EQ(b.inputs[0].source.key, "class");
  EXPECT_EQ(b.inputs[0].unconditional.value, 10);
  EXPECT_EQ(b.inputs[1].source.key, "size");
  EXPECT_EQ(b.inputs[1].unconditional.kind, Unconditional::Kind::kSame);
  EXPECT_EQ(b.inputs[2].source.value, json::parse("[[0.5, 1]]"));
  EXPECT_EQ(b.output_index, 1);
  EXPECT_EQ(b.transition.guidance, 7.5);
  EXPECT_EQ(b.transition.spacing, TimestepSpacing::kTrailing);
  EXPECT_TRUE(b.schedule.rescale_zero_terminal_snr);
  EXPECT_THAT(b.schedule.betas, ElementsAre(0.1, 0.2, 0.3));
  EXPECT_FALSE(b.timestep.per_sample);
  EXPECT_EQ(b.timestep.scale, 0.001);
  EXPECT_EQ(b.trainable_names.at("a.b"), "c.d");
  EXPECT_EQ(b.adapter->rank, 4);
  EXPECT_EQ(b.adapter->alpha, 8);
  EXPECT_EQ(b.adapter->scale_buffer, "s");
  EXPECT_THAT(b.segments, ElementsAre("segment_0", "middle", "segment_1"));
}

TEST(ModelBundle, AcceptsClipTokenizersInTheManifest) {
  json manifest = example();
  manifest["tokenizer"] = {
      {"kind", "clip_bpe"}, {"vocab", "vocab.json"}, {"merges", "sub/merges.txt"},
      {"bos_id", 49406},    {"eos_id", 49407},       {"length", 77},
      {"pad_id", 49407}};
  const ModelBundle b = parse(manifest);
  EXPECT_EQ(b.tokenizer->merges, "/b/sub/merges.txt");
  EXPECT_EQ(b.tokenizer->bos_id, 49406);
}

TEST(ModelBundle, RefusesEveryWrongField) {
  const std::vector<Mutation> mutations = {
      {"/format", "\"loopline-reward\"", "format is \"loopline-reward\", and must be"},
      {"/format", "", "format is missing"},
      {"/version", "2", "version is 2, and this Loopline reads 1"},
      {"/version", "0", "version is 0, and must be at least 1"},
      {"/version", "1.0", "version must be a whole number"},
      {"/version", "\"1\"", "version must be a whole number"},
      {"/requires", "[\"telepathy\"]", "requires names \"telepathy\""},
      {"/requires", "\"x\"", "requires must be a list"},
      {"/name", "", "name is missing"},
      {"/name", "\"\"", "name is empty"},
      {"/name", "3", "name must be text, found 3"},
      {"/nmae", "3", "unknown field \"nmae\"; did you mean \"name\"?"},
      {"/files", "[]", "files must be an object, found a list"},
      {"/files/denoiser", "", "files.denoiser is missing"},
      {"/files/denoiser", "\"/etc/x.ts\"",
       "files.denoiser is \"/etc/x.ts\", and must be a file name"},
      {"/files/denoiser", "\"../x.ts\"", "must be a file name inside the bundle"},
      {"/files/denoiser", "\"a/../../x.ts\"", "must be a file name inside the bundle"},
      {"/files/denoiser", "\"dir/\"", "must be a file name inside the bundle"},
      {"/files/denoiser", "\"a\\u0000b\"", "must be a file name inside the bundle"},
      {"/files/text_encoder", "null", "files.text_encoder must be text, found null"},
      {"/files/text_encoder", "", "files.text_encoder is missing, and some input"},
      {"/files/decoder", "", "files.decoder is missing, and latent and image differ in shape"},
      {"/files/vae", "\"v.ts\"", "unknown field \"files.vae\""},
      {"/latent/channels", "0", "latent.channels is 0, and must be from 1 to 65536"},
      {"/latent/height", "", "latent.height is missing"},
      {"/latent/width", "1e9", "latent.width must be a whole number"},
      {"/latent/width", "18446744073709551615",
       "latent.width is 18446744073709551615, and must be"},
      {"/latent/scaling", "0", "latent.scaling is 0, and must be greater than 0"},
      {"/latent/shift", "\"0\"", "latent.shift must be a number"},
      {"/latent/depth", "1", "unknown field \"latent.depth\""},
      {"/image/channels", "2", "image.channels is 2, and must be 1, 3 or 4"},
      {"/image/channels", "5", "image.channels is 5, and must be from 1 to 4"},
      {"/image/data_range", "[1, 1]", "image.data_range must be two numbers, the lower first"},
      {"/image/data_range", "[0, 1, 2]", "image.data_range must be two numbers"},
      {"/image/data_range", "[\"0\", 1]", "image.data_range[0] must be a number"},
      {"/image/resize", "\"none\"", "unknown field \"image.resize\""},
      {"/prediction_type", "\"eps\"", "prediction_type is \"eps\", and must be one of epsilon"},
      {"/prediction_type", "", "prediction_type is missing"},
      {"/schedule/kind", "\"cosine\"", "schedule.kind is \"cosine\", and must be one of linear"},
      {"/schedule/kind", "\"flow\"", "unknown field \"schedule.beta_"},
      {"/schedule/kind", "\"betas\"", "schedule.betas is missing"},
      {"/schedule/train_steps", "1", "schedule.train_steps is 1, and must be from 2 to 100000"},
      {"/schedule/beta_start", "", "schedule.beta_start is missing"},
      {"/schedule/beta_start", "0", "schedule.beta_start is 0, and must be greater than 0"},
      {"/schedule/beta_end", "1", "schedule.beta_end is 1, and must be"},
      {"/schedule/betas", "[0.1]", "unknown field \"schedule.betas\""},
      {"/schedule/rescale_zero_terminal_snr", "true", "is refused with prediction_type epsilon"},
      {"/schedule/rescale_zero_terminal_snr", "0", "must be true or false"},
      {"/timestep/batch", "\"per_batch\"", "timestep.batch is \"per_batch\""},
      {"/timestep/dtype", "\"int32\"", "timestep.dtype is \"int32\""},
      {"/timestep/scale", "0.001",
       "timestep.scale is not a whole number, which needs dtype float32"},
      {"/timestep/scale", "-1", "timestep.scale is -1"},
      {"/inputs", "{}", "inputs must be a list"},
      {"/inputs/0", "3", "inputs[0] must be an object"},
      {"/inputs/0/name", "\"\"", "inputs[0].name is empty"},
      {"/inputs/0/dtype", "\"float\"", "inputs[0].dtype is \"float\""},
      {"/inputs/0/shape", "[8, 0]", "inputs[0].shape[1] is 0"},
      {"/inputs/0/shape", "[100000, 100000]", "inputs[0].shape has more than 2^31"},
      {"/inputs/0/shape", "8", "inputs[0].shape must be a list"},
      {"/inputs/0/extra", "8", "unknown field \"inputs[0].extra\""},
      {"/inputs/0/source", "", "inputs[0].source is missing"},
      {"/inputs/0/source/kind", "\"text\"", "inputs[0].source.kind is \"text\""},
      {"/inputs/0/source/index", "-1", "inputs[0].source.index is -1"},
      {"/inputs/0/source/key", "\"x\"", "unknown field \"inputs[0].source.key\""},
      {"/inputs/0/source", "{\"kind\": \"class_id\"}", "which needs dtype int64 or int32"},
      {"/inputs/0/source", "{\"kind\": \"prompt\"}", "inputs[0].source.key is missing"},
      {"/inputs/0/source", "{\"kind\": \"constant\"}", "inputs[0].source.value is missing"},
      {"/inputs/0/source", "{\"kind\": \"constant\", \"value\": [1, 2]}",
       "inputs[0].source.value must be one number or a nested list"},
      {"/inputs/0/source", "{\"kind\": \"constant\", \"value\": \"1\"}", "must be one number"},
      {"/inputs/0/unconditional", "{}", "inputs[0].unconditional must hold exactly one of"},
      {"/inputs/0/unconditional", "{\"prompt\": \"\", \"same\": true}", "exactly one of"},
      {"/inputs/0/unconditional", "{\"prmopt\": \"\"}",
       "did you mean \"inputs[0].unconditional.prompt\"?"},
      {"/inputs/0/unconditional", "{\"prompt\": 3}", "unconditional.prompt must be text"},
      {"/inputs/0/unconditional", "{\"same\": false}", "unconditional.same must be true"},
      {"/inputs/0/unconditional", "{\"value\": [1]}", "unconditional.value must be one number"},
      {"/output", "", "output is missing"},
      {"/output/index", "-1", "output.index is -1"},
      {"/output/channels", "24",
       "output.channels is 24, and must equal latent.channels, 12; networks "},
      {"/output/channels", "", "output.channels is missing"},
      {"/transition", "", "transition is missing"},
      {"/transition/family", "\"flow_sde\"", "a name kept for a later version"},
      {"/transition/family", "\"ddpm\"", "transition.family is \"ddpm\""},
      {"/transition/steps", "0", "transition.steps is 0, and must be from 1 to 1000"},
      {"/transition/steps", "1001", "transition.steps is 1001"},
      {"/transition/eta", "1.5", "transition.eta is 1.5, and must be from 0 to 1"},
      {"/transition/spacing", "\"even\"", "transition.spacing is \"even\""},
      {"/transition/steps_offset", "-1", "transition.steps_offset is -1"},
      {"/transition/set_alpha_to_one", "1", "transition.set_alpha_to_one must be true or false"},
      {"/transition/clip_sample", "null", "transition.clip_sample must be true or false"},
      {"/transition/clip_sample_range", "0", "transition.clip_sample_range is 0"},
      {"/transition/min_sigma", "-0.1", "transition.min_sigma is -0.1"},
      {"/transition/last_step_noise", "\"no\"", "transition.last_step_noise must be true or false"},
      {"/transition/guidance", "-1", "transition.guidance is -1"},
      {"/transition/sigma", "1", "unknown field \"transition.sigma\""},
      {"/tokenizer", "", "tokenizer is missing, and some input comes from the text encoder"},
      {"/tokenizer/kind", "\"bpe\"", "tokenizer.kind is \"bpe\""},
      {"/tokenizer/kind", "\"clip_bpe\"", "tokenizer.vocab is missing"},
      {"/tokenizer/file", "", "tokenizer.file is missing"},
      {"/tokenizer/file", "\"/x\"", "tokenizer.file is \"/x\""},
      {"/tokenizer/vocab", "\"x\"", "unknown field \"tokenizer.vocab\""},
      {"/tokenizer/length", "0", "tokenizer.length is 0"},
      {"/tokenizer/pad_id", "-1", "tokenizer.pad_id is -1"},
      {"/tokenizer/bos_id", "1.5", "tokenizer.bos_id must be a whole number"},
      {"/trainable/patterns", "[]", "trainable.patterns is empty"},
      {"/trainable/patterns", "\"*\"", "trainable.patterns must be a list"},
      {"/trainable/patterns", "[\"\"]", "trainable.patterns[0] is empty"},
      {"/trainable/names", "{\"a\": 1}", "trainable.names.a must be text"},
      {"/trainable/pattern", "[]", "did you mean \"trainable.patterns\"?"},
      {"/adapter", "{}", "adapter.kind is missing"},
      {"/adapter", "{\"kind\": \"lora\", \"rank\": 0, \"alpha\": 1, \"scale_buffer\": \"s\"}",
       "adapter.rank is 0"},
      {"/adapter", "{\"kind\": \"lora\", \"rank\": 1, \"alpha\": 0, \"scale_buffer\": \"s\"}",
       "adapter.alpha is 0"},
      {"/adapter", "{\"kind\": \"lora\", \"rank\": 1, \"alpha\": 1}",
       "adapter.scale_buffer is missing"},
      {"/segments", "\"segment_0\"", "segments must be a list"},
      {"/segments", "[]", "segments must name at least two methods"},
      {"/segments", "[\"a\"]", "segments must name at least two methods"},
      {"/segments", "[\"a\", \"\"]", "segments[1] is empty"},
      {"/segments", "[\"a\", 1]", "segments[1] must be text"},
      {"/segments", "[\"b\", \"a\", \"a\"]", "segments[2] is \"a\", which is named twice"},
      {"/provenance", "3", "provenance must be an object"},
  };
  const json manifest = example();
  ASSERT_EQ(refusal(manifest), "no error");
  for (const Mutation& m : mutations) {
    const std::string message = refusal(mutated(manifest, m.pointer, m.value));
    EXPECT_THAT(message, HasSubstr(m.message)) << m.pointer << " = " << m.value;
    EXPECT_THAT(message, testing::StartsWith("/b/bundle.json: ")) << m.pointer;
  }
}

TEST(ModelBundle, RefusesFieldsThatContradictEachOther) {
  json guided = smallest();
  guided["transition"]["guidance"] = 2;
  EXPECT_THAT(refusal(guided), HasSubstr("transition.guidance other than 1 needs inputs"));
  guided = example();
  guided["transition"]["guidance"] = 2;
  EXPECT_EQ(refusal(guided), "no error");
  guided["inputs"][0].erase("unconditional");
  EXPECT_THAT(refusal(guided),
              HasSubstr("inputs[0].unconditional is missing, and transition.guidance"));

  json twice = example();
  twice["inputs"].push_back(twice["inputs"][0]);
  EXPECT_THAT(refusal(twice), HasSubstr("inputs[1].name is \"encoder_hidden_states\", as that of"));

  json betas = smallest();
  betas["schedule"]["train_steps"] = 4;
  EXPECT_THAT(refusal(betas), HasSubstr("schedule.betas has 3 values, and train_steps is 4"));
  betas = smallest();
  betas["schedule"]["betas"][1] = 1;
  EXPECT_THAT(refusal(betas), HasSubstr("schedule.betas[1] is 1"));

  json flow = smallest();
  flow["schedule"] = {{"kind", "flow"}, {"train_steps", 1000}};
  EXPECT_THAT(refusal(flow), HasSubstr("transition.family is ddim, which cannot follow"));

  json spare = smallest();
  spare["tokenizer"] = example()["tokenizer"];
  EXPECT_THAT(refusal(spare), HasSubstr("tokenizer is there, and no input comes from"));
  spare = smallest();
  spare["files"]["text_encoder"] = "t.ts";
  EXPECT_THAT(refusal(spare), HasSubstr("files.text_encoder is there, and no input comes from"));

  json prompt = smallest();
  prompt["inputs"] = {{{"name", "x"},
                       {"dtype", "int64"},
                       {"shape", json::array()},
                       {"source", {{"kind", "class_id"}}},
                       {"unconditional", {{"prompt", ""}}}}};
  EXPECT_THAT(refusal(prompt), HasSubstr("is only for inputs from the text encoder"));
  prompt["inputs"][0]["unconditional"] = {{"value", 1.5}};
  EXPECT_THAT(refusal(prompt), HasSubstr("fit for int64"));

  json tokens = example();
  tokens["tokenizer"]["bos_id"] = 1;
  tokens["tokenizer"]["eos_id"] = 2;
  tokens["tokenizer"]["length"] = 1;
  EXPECT_THAT(refusal(tokens), HasSubstr("tokenizer.length has no room"));
}

TEST(ModelBundle, RefusesTextThatIsNotStrictJson) {
  const auto refused = [](const std::string& text) {
    return error_of([&] { parse_model_bundle(text, "/b"); });
  };
  EXPECT_THAT(refused(""), HasSubstr("/b/bundle.json: not valid JSON"));
  EXPECT_THAT(refused("{\"format\": 1,}"),
              HasSubstr("not valid JSON: parse error at line 1, column 14"));
  EXPECT_THAT(refused("{} {}"), HasSubstr("not valid JSON"));
  EXPECT_THAT(refused("{/* c */}"), HasSubstr("not valid JSON"));
  EXPECT_THAT(refused("{\"a\": NaN}"), HasSubstr("not valid JSON"));
  EXPECT_THAT(refused("{\"a\": 1e999}"), HasSubstr("not valid JSON"));
  EXPECT_THAT(refused("[1]"), HasSubstr("bundle.json: must be an object, found a list"));
  EXPECT_THAT(refused("{\"a\": {\"b\": 1, \"c\": {}, \"b\": 2}}"),
              HasSubstr("the key \"b\" is given twice in one object"));
  EXPECT_THAT(refused("{\"a\": [{\"b\": 1}, {\"b\": 2}]}"), HasSubstr("format is missing"))
      << "one key in two objects is no duplicate";
  const std::string deep = "{\"a\": " + std::string(100'000, '[');
  EXPECT_THAT(refused(deep), HasSubstr("nested more than 64 levels"));
}

class BundleDirectory : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(directory());
    temporary("bundle/bundle.json", example().dump());
    for (const char* name : {"denoiser.ts", "text_encoder.ts", "decoder.ts", "tokenizer.json"}) {
      temporary(std::string("bundle/") + name, name);
    }
  }
  static fs::path directory() { return temporary_directory() / "bundle"; }
  static std::string hash() { return load_model_bundle(directory()).hash; }
};

TEST_F(BundleDirectory, HashCoversManifestAndEveryFile) {
  const std::string before = hash();
  EXPECT_EQ(before.size(), 64U);
  EXPECT_EQ(hash(), before);
  for (const char* name : {"denoiser.ts", "text_encoder.ts", "decoder.ts", "tokenizer.json"}) {
    temporary(std::string("bundle/") + name, "changed");
    EXPECT_NE(hash(), before) << name;
    temporary(std::string("bundle/") + name, name);
    EXPECT_EQ(hash(), before) << name;
  }
  temporary("bundle/bundle.json", example().dump(1));
  EXPECT_NE(hash(), before);
}

TEST_F(BundleDirectory, HashIsTheDocumentedOne) {
  // As a shell computes it: the hash of the hashes, a line each, manifest first.
  json manifest = smallest();
  temporary("bundle/d.ts", "weights");
  temporary("bundle/bundle.json", manifest.dump());
  const std::string command =
      "cd '" + directory().string() +
      "' && { sha256sum < bundle.json; sha256sum < d.ts; } | cut -d' ' -f1 | sha256sum > hash";
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(hash(), content(directory() / "hash").substr(0, 64));
}

/// A name longer than the system allows came out as an exception of the standard library.
TEST_F(BundleDirectory, LongFileNamesAreRefused) {
  const auto refused = [](std::size_t length) {
    nlohmann::json bundle = example();
    bundle["files"]["decoder"] = std::string(length, 'd');
    temporary("bundle/bundle.json", bundle.dump());
    return error_of(hash);
  };
  EXPECT_THAT(refused(300), HasSubstr("which is no file"));
  EXPECT_THAT(refused(4097), HasSubstr("files.decoder is longer than 4096 bytes"));
}

TEST_F(BundleDirectory, ListsAreBounded) {
  nlohmann::json bundle = example();
  bundle["inputs"] = std::vector<nlohmann::json>(1001, bundle["inputs"][0]);
  temporary("bundle/bundle.json", bundle.dump());
  EXPECT_THAT(error_of(hash), HasSubstr("inputs holds more than 1000 objects"));
}

TEST_F(BundleDirectory, MissingFilesAreNamedWithTheirField) {
  fs::remove(directory() / "decoder.ts");
  EXPECT_THAT(error_of(hash), HasSubstr("bundle.json: files.decoder names "));
  EXPECT_THAT(error_of(hash), HasSubstr("decoder.ts, which is no file"));
  fs::remove(directory() / "bundle.json");
  EXPECT_THAT(error_of(hash), HasSubstr("has no bundle.json"));
  fs::remove_all(directory());
  EXPECT_THAT(error_of(hash), HasSubstr("no such directory"));
}

}  // namespace
}  // namespace loopline::io
