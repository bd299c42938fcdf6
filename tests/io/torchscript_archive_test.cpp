#include <gmock/gmock.h>

#include "io/torchscript_fixture.h"
#include "loopline/core/log.h"

namespace loopline::io {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Trusts names while it lives and keeps what the log says meanwhile.
class Trusting {
 public:
  explicit Trusting(std::vector<std::string> names) {
    trust_in_archives(std::move(names));
    set_log_writer([this](const std::string& line) { log_.push_back(line); });
  }
  ~Trusting() {
    set_log_writer({});
    trust_in_archives({});
  }
  const std::vector<std::string>& log() const { return log_; }

 private:
  std::vector<std::string> log_;
};

TEST(TorchScriptArchive, SaysWhatTheCodeDefinesAndUses) {
  const ArchiveContents contents = scan_torchscript_archive(small_archive().bytes(), "net.ts");
  EXPECT_THAT(contents.classes, ElementsAre("__torch__.Net"));
  EXPECT_THAT(contents.operators, ElementsAre("aten::add", "aten::mul"));
}

TEST(TorchScriptArchive, ShippedNetworksPassUntold) {
  const std::filesystem::path models = std::filesystem::path(LOOPLINE_SOURCE_DIR) / "models";
  int count = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(models)) {
    if (file.path().extension() != ".ts") continue;
    EXPECT_FALSE(scan_torchscript_archive(file.path()).operators.empty()) << file.path();
    ++count;
  }
  EXPECT_GE(count, 5);
}

TEST(TorchScriptArchive, RecordsThatLibTorchDoesNotWriteAreRefusedByName) {
  for (const std::string name : {"run.sh", "code/x.py", "code/__torch__.pyc", "code/__torch__.PY",
                                 "code/__torch__/a.b.py", "data", "dataset/0", "other.pkl"}) {
    TestArchive archive = small_archive();
    archive[name == "code/__torch__.PY" ? "code/__torch__/X.PY" : name].content = "x";
    EXPECT_THAT(verdict_on(archive), HasSubstr("a record that LibTorch does not write: ")) << name;
  }
  TestArchive extra = small_archive();
  extra["extra/notes.txt"].content = "anything";
  EXPECT_EQ(verdict_on(extra), "accepted");
}

TEST(TorchScriptArchive, OtherFormatsAreRefusedByName) {
  TestArchive legacy = small_archive();
  legacy["model.json"].content = "{}";
  EXPECT_THAT(verdict_on(legacy), HasSubstr("before 1.4 (model.json)"));
  TestArchive mobile = small_archive();
  mobile["bytecode.pkl"].content = kPickleStart + "N.";
  EXPECT_THAT(verdict_on(mobile), HasSubstr("mobile interpreter (bytecode.pkl)"));
  TestArchive weights = small_archive();  // torch.save
  weights.entries.erase(weights.entries.begin() + 4);
  EXPECT_THAT(verdict_on(weights), AllOf(HasSubstr("not a loadable TorchScript file"),
                                         HasSubstr("constants.pkl"), HasSubstr("torch.jit.save")));
}

TEST(TorchScriptArchive, MethodsThatRunInsideLoadAreRefusedByName) {
  const std::string code = kNetCode +
                           "  def __setstate__(self: __torch__.Net,\n    state: int) -> NoneType:\n"
                           "    return None\n";
  EXPECT_THAT(verdict_on_code(code),
              AllOf(HasSubstr("net.ts: code/__torch__.py:9"), HasSubstr("__setstate__"),
                    HasSubstr("--trust __setstate__")));
  EXPECT_THAT(verdict_on_body("    y = x.__getstate__()\n"), HasSubstr("__getstate__"));
}

TEST(TorchScriptArchive, OperatorsThatAreNotListedAreRefusedHoweverTheyAreWritten) {
  const std::pair<std::string, std::string> hostile[] = {
      {"torch.save(x, \"file_x\")", "aten::save"},
      {"torch.autograd.save(x, \"file_x\")", "aten::autograd"},
      {"ops.aten.save(x, \"file_x\")", "aten::save"},
      {"torch . save(x, \"file_x\")", "aten::save"},
      {"torch.\\\n  save(x, \"file_x\")", "aten::save"},
      {"(x).save(\"file_x\")", "aten::save"},
      {"x.set_(x)", "aten::set_"},
      {"getattr(x, \"save\")(\"file_x\")", "aten::save"},
      {"f = torch.from_file", "aten::from_file"},
      {"t = torch", "torch another name"},
      {"t = ops", "ops another name"},
      {"t = ops.aten", "ops another name"},
      {"t = __torch__", "__torch__"},
      {"print(x)", "prim::Print"},
      {"f = print", "prim::Print"},
      {"fork(x)", "prim::fork"},
      {"ops.prim.Print(x)", "prim::Print"},
      {"ops.profiler._record_function_enter(\"x\")", "profiler::_record_function_enter"},
      {"y = __torch__.torch.classes.dist_rpc.WorkerInfo(\"a\", 1)",
       "__torch__.torch.classes.dist_rpc.WorkerInfo"},
      {"y = __torch__.Other(x)", "__torch__.Other"},
      {"import os", "import"},
      {"eval(x)", "eval"}};
  for (const auto& [statement, name] : hostile) {
    EXPECT_THAT(verdict_on_body("    " + statement + "\n"),
                AllOf(HasSubstr("net.ts: code/__torch__.py:11"), HasSubstr(name)))
        << statement;
  }
}

// Names of the archive's own must not make an operator with consequences look like a method.
TEST(TorchScriptArchive, AMethodOfTheSameNameHidesNoFileAccess) {
  EXPECT_THAT(
      verdict_on_code(kNetCode + "  def save(self: __torch__.Net,\n    x: Tensor) -> Tensor:\n"
                                 "    y = (x).save(\"file_x\")\n    return x\n"),
      HasSubstr("aten::save"));
  TestArchive archive = small_archive();
  archive["code/__torch__/torch.py"].content =
      "class classes(Module):\n  a : Tensor\n  B : Tensor\n";
  archive["code/__torch__/x.py"].content = "class X(Module):\n  y : __torch__.torch.classes.a.B\n";
  EXPECT_THAT(verdict_on(archive), HasSubstr("uses class __torch__.torch.classes.a.B"));
}

TEST(TorchScriptArchive, WhatNobodyCallsIsReadToo) {
  TestArchive archive = small_archive();
  archive["code/__torch__/a/b.py"].content =
      "def unused(x: Tensor) -> Tensor:\n  return torch.save(x)\n";
  EXPECT_THAT(verdict_on(archive), HasSubstr("net.ts: code/__torch__/a/b.py:2"));
}

TEST(TorchScriptArchive, TextsAreNoCode) {
  EXPECT_EQ(verdict_on_body("    y = \"torch.save(x) print __setstate__ # \\\" '\"\n"), "accepted");
  EXPECT_EQ(verdict_on_body("    y = '''torch.save(x)\n print \"'''\n"), "accepted");
  EXPECT_THAT(verdict_on_body("    y = \"\"\n    torch.save(x)\n"), HasSubstr("aten::save"));
  EXPECT_THAT(verdict_on_body("    y = \"\\\\\"; torch.save(\"x\")\n"), HasSubstr("aten::save"));
  EXPECT_THAT(verdict_on_body("    y = ''''''; torch.save('''x''')\n"), HasSubstr("aten::save"));
}

TEST(TorchScriptArchive, WhatTwoLexersMightReadDifferentlyIsRefused) {
  EXPECT_THAT(verdict_on_body("    # a comment\n"), HasSubstr("has a comment"));
  EXPECT_THAT(verdict_on_body("    y = \"a\n"), HasSubstr("string without an end"));
  EXPECT_THAT(verdict_on_body("    y = getattr(x, \"sa\" \"ve\")\n"), HasSubstr("joins strings"));
  EXPECT_THAT(verdict_on_body("    y = 0x1save\n"), HasSubstr("runs into a word"));
  EXPECT_THAT(verdict_on_body("    y = 1if x else 2\n"), HasSubstr("runs into a word"));
  EXPECT_THAT(verdict_on_body("    y\f= 1\n"), HasSubstr("unprintable byte"));
  EXPECT_THAT(verdict_on_body("    \xC3\xA9 = 1\n"), HasSubstr("unprintable byte"));
  EXPECT_THAT(verdict_on_body("    y = " + std::string(1000, '(') + "\n"),
              HasSubstr("nested too deeply"));
}

TEST(TorchScriptArchive, OrdinaryCodePasses) {
  EXPECT_EQ(verdict_on_body(R"(    y, z, = torch.split(x, [1, -1]), 1.5e-05
    w : List[Tensor] = annotate(List[Tensor], [])
    for i in range(torch.len(w)):
      w[i] = torch.to(w[i], x.dtype, device=torch.device("cpu"))
    if torch.gt(z, inf):
      ops.prim.RaiseException("no", "builtins.ValueError")
    else:
      pass
    _0 = __torch__.Net.forward
    x = unchecked_cast(Tensor, _0(self, getattr(self, "weight"), ))
)"),
            "accepted");
}

TEST(TorchScriptArchive, AttributesMayHaveAnyName) {
  EXPECT_EQ(
      verdict_on_code("class Net(Module):\n  weight : Tensor\n  ops : List[int]\n  print : int\n"
                      "  __annotations__[\"0\"] = Tensor\n  torch : Final[int] = 3\n"),
      "accepted");
}

TEST(TorchScriptArchive, ATrustedNamePassesAndIsLogged) {
  const std::string archive = [] {
    TestArchive hostile = small_archive();
    hostile["code/__torch__.py"].content =
        kNetCode +
        "  def other(self: __torch__.Net,\n    x: Tensor) -> Tensor:\n"
        "    return torch.from_file(\"/etc/passwd\")\n";
    return hostile.bytes();
  }();
  {
    const Trusting trusting({"aten::save"});  // another name
    EXPECT_THAT(verdict_on(archive), HasSubstr("aten::from_file"));
    EXPECT_THAT(trusting.log(), IsEmpty());
  }
  const Trusting trusting({"aten::from_file"});
  EXPECT_EQ(verdict_on(archive), "accepted");
  EXPECT_THAT(trusting.log(),
              ElementsAre(AllOf(HasSubstr("warning"), HasSubstr("net.ts"),
                                HasSubstr("code/__torch__.py:11"), HasSubstr("aten::from_file"),
                                HasSubstr("trusted"))));
  EXPECT_EQ(verdict_on(archive), "accepted");
  EXPECT_EQ(trusting.log().size(), 1U) << "one warning a place";
}

TEST(TorchScriptArchive, NoTrustMendsABrokenArchive) {
  const Trusting trusting({"__torch__.torch.classes.a.B", "os.system", "__setstate__"});
  EXPECT_THAT(verdict_on_pickle(kPickleStart + "\x93."), HasSubstr("opcode 0x93"));
  EXPECT_THAT(verdict_on_pickle(kPickleStart + "c__torch__.torch.classes.a\nB\n)\x81}b."),
              "accepted");
}

TEST(TorchScriptArchive, NoListedOperatorReachesOutOfItsTensors) {
  for (const char* name :
       {"aten::from_file", "aten::save", "aten::_print", "prim::Print", "aten::manual_seed",
        "aten::set_", "aten::set_data", "aten::resize_", "aten::as_strided", "aten::_unsafe_view",
        "aten::cuda", "aten::autograd", "aten::classes", "prim::fork", "prim::rpc_sync",
        "prim::PythonOp", "quantized::linear", "profiler::_record_function_enter"}) {
    EXPECT_FALSE(is_listed_operator(name)) << name;
  }
  EXPECT_TRUE(is_listed_operator("aten::conv2d"));
  EXPECT_THAT(listed_operators(), Contains("prim::If"));
}

TEST(TorchScriptArchive, AFileThatCannotBeReadIsNamed) {
  EXPECT_THAT(error_of([] { scan_torchscript_archive(temporary_directory() / "absent.ts"); }),
              AllOf(HasSubstr("absent.ts"), HasSubstr("cannot be read")));
  std::filesystem::create_directories(temporary_directory() / "folder.ts");
  EXPECT_THAT(error_of([] { scan_torchscript_archive(temporary_directory() / "folder.ts"); }),
              HasSubstr("not a file"));
}

}  // namespace
}  // namespace loopline::io
