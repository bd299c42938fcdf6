#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <fstream>

#include "io/torchscript_fixture.h"
#include "loopline/core/error.h"
#include "loopline/core/log.h"
#include "loopline/tensor/script_module.h"
#include "support/hostile_archives.h"
#include "support/tiny_bundle.h"

namespace loopline::tensor {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// Trusts names while it lives and keeps what the log says meanwhile.
class TrustScope {
 public:
  explicit TrustScope(std::vector<std::string> names) {
    io::trust_in_archives(std::move(names));
    set_log_writer([this](const std::string& line) { log_.push_back(line); });
  }
  ~TrustScope() {
    set_log_writer({});
    io::trust_in_archives({});
  }
  const std::vector<std::string>& log() const { return log_; }

 private:
  std::vector<std::string> log_;
};

std::string refusal(const fs::path& path) {
  return io::error_of([&] { ScriptModule(path, at::kCPU); });
}

fs::path write_archive(const fs::path& directory, const io::TestArchive& archive) {
  const fs::path path = directory / "net.ts";
  std::ofstream(path, std::ios::binary) << archive.bytes();
  return path;
}

const std::string kForward = "def forward(self, x):\n";

TEST(ScriptArchive, SetStateRunsInsideLoadAndOnlyWhenItIsTrusted) {
  const fs::path directory = testing::fresh_directory("setstate");
  const fs::path file = directory / "net.ts", marker = directory / "marker";
  testing::write_script_with_setstate(file, marker);

  EXPECT_THAT(refusal(file), AllOf(HasSubstr("net.ts: code/__torch__.py:"),
                                   HasSubstr("--trust __setstate__"), HasSubstr("security.md")));
  {
    const TrustScope trust({"__setstate__"});
    EXPECT_THAT(refusal(file), HasSubstr("aten::save"));
  }
  EXPECT_FALSE(fs::exists(marker)) << "code of a refused archive ran";

  const TrustScope trust({"__setstate__", "aten::save"});
  EXPECT_EQ(refusal(file), "no error");
  EXPECT_TRUE(fs::exists(marker)) << "the sample is harmless, so the test shows nothing";
  EXPECT_THAT(trust.log(), AllOf(Contains(HasSubstr("__setstate__, which runs while it is loaded: "
                                                    "trusted")),
                                 Contains(HasSubstr("uses operator aten::save"))));
}

TEST(ScriptArchive, OperatorsThatReachOutOfTheNetworkAreRefused) {
  const fs::path directory = testing::fresh_directory("operators");
  const fs::path file = directory / "net.ts", marker = directory / "marker";
  const std::string text = "\"" + marker.string() + "\"";
  const std::pair<std::string, std::string> hostile[] = {
      {"    torch.save(x, " + text + ")\n    return x\n", "aten::save"},
      {"    return torch.from_file(" + text + ", True, 100)\n", "aten::from_file"},
      {"    print(x)\n    return x\n", "prim::Print"},
      {"    return x.set_(torch.ones([1]))\n", "aten::set_"},
      {"    return torch.as_strided(x, [100000], [1])\n", "aten::as_strided"},
      {"    torch.manual_seed(1)\n    return x\n", "aten::manual_seed"},
      {"    if x.dim() > 100:\n        for i in range(3):\n            torch.save(x, " + text +
           ")\n    return x\n",
       "aten::save"}};
  for (const auto& [body, name] : hostile) {
    testing::write_script(file, kForward + body);
    EXPECT_THAT(refusal(file), AllOf(HasSubstr("net.ts: code/__torch__.py:"), HasSubstr(name)))
        << body;
    testing::write_nested_script(file, kForward + body);
    EXPECT_THAT(refusal(file), HasSubstr(name)) << body;
  }
  testing::write_script_with_method(file, "def unused(self, x):\n    print(x)\n    return x\n");
  EXPECT_THAT(refusal(file), HasSubstr("prim::Print"));
  EXPECT_FALSE(fs::exists(marker));
}

TEST(ScriptArchive, AnArchiveMadeByHandIsOneForLibTorch) {
  const fs::path directory = testing::fresh_directory("handmade");
  const ScriptModule module(write_archive(directory, io::small_archive()), at::kCPU);
  const at::Tensor weight = module.parameters().at("weight");
  ASSERT_EQ(weight.numel(), 2);
  const at::Tensor result = module.call({at::ones({2})});
  EXPECT_TRUE(
      at::equal(result - weight, at::full({2}, result[0].item<float>() - weight[0].item<float>())));
  EXPECT_THAT(module.operators(), AllOf(Contains("aten::mul"), Contains("prim::GetAttr")));
}

// A variable of the operator's name makes the text look like an attribute; the compiled code does
// not: the second look finds it.
TEST(ScriptArchive, AnOperatorInDisguiseIsFoundInTheCompiledCode) {
  const fs::path directory = testing::fresh_directory("disguise");
  io::TestArchive archive = io::small_archive();
  archive["code/__torch__.py"].content =
      io::kNetCode +
      "  def other(self: __torch__.Net,\n    x: Tensor) -> Tensor:\n"
      "    as_strided = x\n    return (x).as_strided([1000], [1])\n";
  ASSERT_EQ(io::verdict_on(archive), "accepted") << "the first look has become better";
  EXPECT_THAT(refusal(write_archive(directory, archive)),
              AllOf(HasSubstr("net.ts: __torch__.Net.other"), HasSubstr("aten::as_strided"),
                    HasSubstr("--trust aten::as_strided")));
  const TrustScope trust({"aten::as_strided"});
  EXPECT_EQ(refusal(directory / "net.ts"), "no error");
  EXPECT_THAT(trust.log(), ElementsAre(HasSubstr("aten::as_strided")));
}

// LibTorch takes the size of a tensor from the file and would read whatever lies behind the record.
TEST(ScriptArchive, ATensorBeyondItsRecordIsRefused) {
  const fs::path directory = testing::fresh_directory("beyond");
  io::TestArchive archive = io::small_archive();
  const std::string million = "J" + io::little_endian_bytes(1000000, 4);
  archive["data.pkl"].content = io::pickled_net(
      io::pickled_tensor("0", million, std::string("K\0", 2), million + "\x85", "K\x01\x85"));
  const fs::path file = write_archive(directory, archive);
  EXPECT_EQ(testing::elements_without_checks(file), 1000000);
  EXPECT_THAT(refusal(file), HasSubstr("its record is missing or too short"));
}

TEST(ScriptArchive, AttributesHoldWhatTheirClassDeclares) {
  const fs::path directory = testing::fresh_directory("attributes");
  io::TestArchive archive = io::small_archive();
  archive["data.pkl"].content = io::pickled_net("K\x07");
  EXPECT_THAT(refusal(write_archive(directory, archive)),
              AllOf(HasSubstr("the module.weight is declared as Tensor but holds int")));

  archive["code/__torch__.py"].content =
      "class Inner(Module):\n  a : int\n"
      "class Other(Module):\n  a : int\n"
      "class Net(Module):\n  weight : __torch__.Inner\n"
      "  def forward(self: __torch__.Net,\n    x: Tensor) -> Tensor:\n    return x\n";
  archive["data.pkl"].content =
      io::pickled_net("c__torch__\nInner\n)\x81}(" + io::pickled_text("a") + "K\x01ub");
  EXPECT_EQ(refusal(write_archive(directory, archive)), "no error");
  archive["data.pkl"].content =
      io::pickled_net("c__torch__\nOther\n)\x81}(" + io::pickled_text("a") + "K\x01ub");
  EXPECT_THAT(refusal(write_archive(directory, archive)),
              HasSubstr("the module.weight is declared"));
}

TEST(ScriptArchive, ANamedTupleMayHaveLostItsName) {
  const fs::path directory = testing::fresh_directory("named_tuple");
  io::TestArchive archive = io::small_archive();
  archive["code/__torch__.py"].content =
      "class Pair(NamedTuple):\n  a : int\n  b : Optional[int]\n"
      "class Net(Module):\n  weight : __torch__.Pair\n"
      "  def forward(self: __torch__.Net,\n    x: Tensor) -> Tensor:\n    return x\n";
  for (const std::string pickled : {"K\x01K\x02\x86", "K\x01N\x86"}) {
    archive["data.pkl"].content = io::pickled_net(pickled);
    EXPECT_EQ(refusal(write_archive(directory, archive)), "no error");
  }
  for (const std::string pickled : {"K\x01\x88\x86", "NN\x86", "K\x01\x85", "K\x01"}) {
    archive["data.pkl"].content = io::pickled_net(pickled);
    EXPECT_THAT(refusal(write_archive(directory, archive)), HasSubstr("is declared as"));
  }
}

TEST(ScriptArchive, CustomClassesAreRefusedByName) {
  const fs::path directory = testing::fresh_directory("custom");
  io::TestArchive archive = io::small_archive();
  const std::string name = "__torch__.torch.classes.quantized.LinearPackedParamsBase";
  archive["code/__torch__.py"].content =
      "class Net(Module):\n  weight : Tensor\n  def forward(self: __torch__.Net,\n"
      "    x: " +
      name + ") -> Tensor:\n    return self.weight\n";
  const fs::path file = write_archive(directory, archive);
  EXPECT_THAT(refusal(file), AllOf(HasSubstr("code/__torch__.py:4"), HasSubstr(name)));
  const TrustScope trust({name});
  EXPECT_EQ(refusal(file), "no error");
  EXPECT_THAT(trust.log(), Contains(HasSubstr("__torch__.Net.forward"))) << "the second look";
}

TEST(ScriptArchive, WarningsOfTheFileAreNotShown) {
  const fs::path directory = testing::fresh_directory("warnings");
  testing::write_script(directory / "net.ts",
                        kForward +
                            "    if x.dim() > 0:\n        torch.warn(\"hello\")\n"
                            "    return x + 1\n");
  const ScriptModule module(directory / "net.ts", at::kCPU);
  ::testing::internal::CaptureStderr();
  EXPECT_TRUE(at::equal(module.call({at::ones({2})}), at::full({2}, 2)));
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), Not(HasSubstr("hello")));
  EXPECT_THAT(module.operators(), Not(Contains("aten::warn")));
}

TEST(ScriptArchive, EachListedOperatorExists) {
  for (const std::string& name : io::listed_operators()) {
    if (name.rfind("prim::", 0) == 0) continue;  // parts of the language
    EXPECT_TRUE(testing::is_known_operator(name)) << name;
  }
}

}  // namespace
}  // namespace loopline::tensor
