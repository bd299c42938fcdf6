#include "loopline/io/lora_names.h"

#include <gmock/gmock.h>

#include "io_testing.h"
#include "loopline/io/lora_alpha.h"

namespace loopline::io {
namespace {

using ::testing::HasSubstr;

const std::string kLayer = "mid_block.attentions.0.transformer_blocks.0.attn2.to_out.0";

TEST(LoraNames, PeftNamesOfNetworksAndFiles) {
  const LoraName down{kLayer, LoraPart::kDown}, up{kLayer, LoraPart::kUp};
  for (const std::string prefix : {"", "unet.", "base_model.model.", "base_model.model.unet."}) {
    for (const std::string a : {".lora_A.default.weight", ".lora_A.weight", ".lora.down.weight"}) {
      EXPECT_EQ(parse_peft_lora(prefix + kLayer + a), down) << prefix << a;
    }
    for (const std::string b : {".lora_B.default.weight", ".lora_B.weight", ".lora.up.weight"}) {
      EXPECT_EQ(parse_peft_lora(prefix + kLayer + b), up) << prefix << b;
    }
  }
  EXPECT_EQ(parse_peft_lora("to.lora_A"), (LoraName{"to", LoraPart::kDown}));
}

TEST(LoraNames, OtherParametersAreOfNoAdapter) {
  for (const std::string end :
       {".weight", ".base_layer.weight", ".lora_scale", ".lora_B.default.bias", ".lora_B.bias",
        ".lora_magnitude_vector.default.weight", ".lora_A.a.b.weight", ".lora_down.weight"}) {
    EXPECT_EQ(parse_peft_lora(kLayer + end), std::nullopt) << end;
  }
  EXPECT_EQ(parse_peft_lora("lora_A.weight"), std::nullopt) << "of no layer";
  EXPECT_EQ(parse_peft_lora(""), std::nullopt);
}

TEST(LoraNames, FilesAreWrittenAsTheyAreRead) {
  for (const LoraPart part : {LoraPart::kDown, LoraPart::kUp}) {
    EXPECT_EQ(parse_peft_lora(diffusers_lora_key({kLayer, part})), (LoraName{kLayer, part}));
  }
  for (const LoraPart part : {LoraPart::kDown, LoraPart::kUp, LoraPart::kAlpha}) {
    EXPECT_EQ(parse_kohya_lora(kohya_lora_key({kLayer, part})),
              (LoraName{kohya_layer(kLayer), part}));
  }
  EXPECT_EQ(diffusers_lora_key({kLayer, LoraPart::kUp}),
            "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_out.0.lora_B.weight");
  EXPECT_EQ(
      kohya_lora_key({kLayer, LoraPart::kDown}),
      "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_out_0.lora_down.weight");
  EXPECT_EQ(kohya_lora_key({"a.b", LoraPart::kAlpha}), "lora_unet_a_b.alpha");
  EXPECT_EQ(parse_kohya_lora("lora_unet_a.dora_scale"), std::nullopt);
  EXPECT_EQ(parse_kohya_lora("a.alpha"), std::nullopt);
}

TEST(LoraNames, TextEncodersAreTold) {
  for (const char* key : {"text_encoder.x.lora_A.weight", "text_encoder_2.x.lora_A.weight",
                          "lora_te_x.alpha", "lora_te1_x.alpha", "lora_te2_x.lora_up.weight"}) {
    EXPECT_TRUE(is_text_encoder_lora(key)) << key;
  }
  EXPECT_FALSE(is_text_encoder_lora("lora_unet_text_encoder.alpha"));
}

TEST(LoraNames, NamesWithoutAdapters) {
  EXPECT_EQ(unadapted_name("unet.a.to_out.0.base_layer.bias"), "a.to_out.0.bias");
  EXPECT_EQ(unadapted_name("a.base_layer.b.weight"), "a.base_layer.b.weight");
  EXPECT_EQ(unadapted_name("gain"), "gain");
}

TEST(LoraAlpha, StandsInPeftsConfiguration) {
  EXPECT_EQ(LoraAlpha().scale("a", 8), 1) << "diffusers without metadata";
  EXPECT_EQ(LoraAlpha(R"({"lora_alpha": 4, "r": 8})", "f").scale("a", 8), 0.5);
  EXPECT_EQ(LoraAlpha(R"({"unet.lora_alpha": 4, "text_encoder.lora_alpha": 2})", "f").scale("a", 8),
            0.5);
  EXPECT_EQ(LoraAlpha(R"({"lora_alpha": 4, "use_rslora": true})", "f").scale("a", 16), 1);
  const LoraAlpha pattern(
      R"({"unet.lora_alpha": 8, "unet.alpha_pattern": {"to_q": 2, "mid.to_q": 4}})", "f");
  EXPECT_EQ(pattern.scale("mid.to_q", 8), 0.5);
  EXPECT_EQ(pattern.scale("down.to_q", 8), 0.25);
  EXPECT_EQ(pattern.scale("down.into_q", 8), 1) << "ends in letters of the name alone";
}

TEST(LoraAlpha, RefusesWhatItCannotFollow) {
  const auto error = [](const std::string& config) {
    return error_of([&] { LoraAlpha(config, "f"); });
  };
  EXPECT_THAT(error(R"({"use_dora": true})"), HasSubstr("DoRA"));
  EXPECT_THAT(error(R"({"alpha_pattern": {"^down.*": 2}})"), HasSubstr("regular expression"));
  EXPECT_THAT(error(R"({"lora_alpha": "8"})"), HasSubstr("lora_alpha is not a number"));
  EXPECT_THAT(error("[]"), HasSubstr("is no JSON object"));
}

}  // namespace
}  // namespace loopline::io
