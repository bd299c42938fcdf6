#include <gmock/gmock.h>

#include "io/torchscript_fixture.h"

namespace loopline::io {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string kZero("K\0", 2);

/// A network whose weight is made of these pickled numbers.
std::string verdict_on_tensor(const std::string& count, const std::string& offset,
                              const std::string& sizes, const std::string& strides,
                              const std::string& key = "0") {
  return verdict_on_pickle(pickled_net(pickled_tensor(key, count, offset, sizes, strides)));
}

std::string verdict_on_value(const std::string& pickled) {
  return verdict_on_pickle(kPickleStart + pickled + ".");
}

TEST(Pickle, AGlobalThatIsNotListedIsRefusedByName) {
  EXPECT_THAT(verdict_on_value("cos\nsystem\n" + pickled_text("true") + "\x85R"),
              AllOf(HasSubstr("net.ts: data.pkl"), HasSubstr("os.system")));
  EXPECT_THAT(verdict_on_value("cbuiltins\neval\n" + pickled_text("1") + "\x85R"),
              HasSubstr("builtins.eval"));
  EXPECT_THAT(verdict_on_value("c__torch__\nAbsent\n)\x81}b"), HasSubstr("__torch__.Absent"));
  EXPECT_THAT(
      verdict_on_value("c__torch__.torch.classes.quantized\nConv2dPackedParamsBase\n)\x81}b"),
      AllOf(HasSubstr("__torch__.torch.classes.quantized.Conv2dPackedParamsBase"),
            HasSubstr("C++ code")));
  EXPECT_THAT(verdict_on_value("cos;\nsystem\n)R"), HasSubstr("a global whose name is none"));
}

TEST(Pickle, OpcodesThatLibTorchDoesNotKnowAreRefused) {
  EXPECT_THAT(
      verdict_on_value(pickled_text("os") + pickled_text("system") + "\x93"),  // STACK_GLOBAL
      HasSubstr("opcode 0x93"));
  EXPECT_THAT(verdict_on_value("ios\nsystem\n"), HasSubstr("opcode 0x69"));  // INST
  EXPECT_THAT(verdict_on_value("I1\n"), HasSubstr("opcode 0x49"));           // INT
  EXPECT_THAT(verdict_on_value("N0"), HasSubstr("opcode 0x30"));             // POP
  EXPECT_THAT(verdict_on_value("N2"), HasSubstr("opcode 0x32"));             // DUP
  EXPECT_THAT(verdict_on_pickle("\x80\x04N."), HasSubstr("no pickle of protocol 2"));
  EXPECT_THAT(verdict_on_pickle("N."), HasSubstr("no pickle of protocol 2"));
}

TEST(Pickle, ATruncatedPickleIsRefusedWhereverItIsCut) {
  const std::string pickle = small_archive()["data.pkl"].content;
  for (std::size_t size = 0; size < pickle.size(); ++size) {
    ASSERT_NE(verdict_on_pickle(pickle.substr(0, size)), "accepted") << size;
  }
  EXPECT_THAT(verdict_on_pickle(pickle + "N."), HasSubstr("bytes after its end"));
  EXPECT_THAT(verdict_on_value("X\xff\xff\xff\xff!"), HasSubstr("is cut off"));
}

TEST(Pickle, TheStackHoldsWhatIsTaken) {
  for (const std::string pickled :
       {"\x85", "(NNu", "N(u", "]N(e", "}(Nu", "(Nd", "t", "e", "}Ns", "Na", "R", "NR", "Nb",
        "\x81", "NN", "(N", "N(\x85", "Q", "NQ"}) {
    EXPECT_NE(verdict_on_value(pickled), "accepted") << testing::PrintToString(pickled);
  }
}

// LibTorch calls globals by their number: a number from the file must not stand for one.
TEST(Pickle, ANumberIsNoGlobal) {
  EXPECT_THAT(verdict_on_value("ccollections\nOrderedDict\n" + kZero + ")R"),
              HasSubstr("calls something that is no global"));
}

// LibTorch makes room for all numbers below: four bytes would cost 64 GB.
TEST(Pickle, TheMemoGrowsOneByOne) {
  EXPECT_THAT(verdict_on_value("Nr\xff\xff\xff\x7f"), HasSubstr("leaves out numbers of its memo"));
  EXPECT_THAT(verdict_on_value("h\x05"), HasSubstr("takes something from its memo"));
}

// LibTorch frees nested values by recursion: too many end the process.
TEST(Pickle, NestingIsBounded) {
  std::string tuples = "N", lists;
  for (int i = 0; i < 100000; ++i) {
    tuples += "\x85";
    lists += "](";
  }
  EXPECT_THAT(verdict_on_value(tuples), HasSubstr("is nested too deeply"));
  EXPECT_THAT(verdict_on_value(lists + "N" + std::string(100000, 'e')),
              HasSubstr("is nested too deeply"));
  // A list that grows after it was put into another could be nested without end, or into itself.
  EXPECT_THAT(verdict_on_value("]" + std::string("q\0", 2) + std::string("](h\0e", 5) +
                               std::string("h\0Na\x86", 5)),
              HasSubstr("changes a container that is inside another"));
}

TEST(Pickle, ATensorLiesInsideItsRecord) {
  EXPECT_EQ(verdict_on_tensor("K\x02", kZero, "K\x02\x85", "K\x01\x85"), "accepted");
  EXPECT_EQ(verdict_on_tensor("K\x02", "K\x01", "K\x05\x85", kZero + "\x85"), "accepted");
  EXPECT_EQ(verdict_on_tensor("K\x02", kZero, ")", ")"), "accepted");  // one number
  EXPECT_EQ(verdict_on_tensor(kZero, kZero, kZero + "\x85", "K\x01\x85"), "accepted");
  const std::string beyond = "reaches beyond its storage";
  EXPECT_THAT(verdict_on_tensor("K\x02", "K\x01", "K\x02\x85", "K\x01\x85"), HasSubstr(beyond));
  EXPECT_THAT(verdict_on_tensor("K\x02", kZero, "K\x03\x85", "K\x01\x85"), HasSubstr(beyond));
  EXPECT_THAT(verdict_on_tensor("K\x02", kZero, "K\x02\x85", "K\x02\x85"), HasSubstr(beyond));
  EXPECT_THAT(verdict_on_tensor("K\x02", "K\x02", ")", ")"), HasSubstr(beyond));
  const std::string large = "\x8a\x08" + std::string(7, '\xff') + "\x7f";
  for (const std::string& number : {large, std::string("J\xff\xff\xff\xff")}) {
    EXPECT_NE(verdict_on_tensor("K\x02", number, "K\x02\x85", "K\x01\x85"), "accepted");
    EXPECT_NE(verdict_on_tensor("K\x02", kZero, number + "\x85", number + "\x85"), "accepted");
    EXPECT_NE(verdict_on_tensor("K\x02", kZero, number + number + "\x86", number + number + "\x86"),
              "accepted");
    EXPECT_NE(verdict_on_tensor(number, kZero, "K\x02\x85", "K\x01\x85"), "accepted");
  }
}

TEST(Pickle, ARecordHoldsTheNumbersOfItsTensor) {
  EXPECT_THAT(verdict_on_tensor("K\x03", kZero, "K\x02\x85", "K\x01\x85"),
              HasSubstr("a tensor of 3 elements, but its record is missing or too short"));
  EXPECT_THAT(verdict_on_tensor("K\x02", kZero, "K\x02\x85", "K\x01\x85", "1"),
              HasSubstr("missing or too short"));
  EXPECT_THAT(verdict_on_tensor("K\x02", kZero, "K\x02\x85", "K\x01\x85", "../constants/0"),
              HasSubstr("missing or too short"));
}

TEST(Pickle, TypesOfListsAreReadToo) {
  const auto list_of = [](const std::string& type) {
    return "ctorch.jit._pickle\nrestore_type_tag\n]" + pickled_text(type) + "\x86R";
  };
  EXPECT_EQ(verdict_on_value(list_of("List[Optional[__torch__.Net]]")), "accepted");
  EXPECT_THAT(verdict_on_value(list_of("List[__torch__.torch.classes.a.B]")),
              HasSubstr("__torch__.torch.classes.a.B"));
  EXPECT_THAT(verdict_on_value(list_of("List[__torch__.Other]")), HasSubstr("__torch__.Other"));
  EXPECT_THAT(verdict_on_value(list_of(std::string(100000, '['))), HasSubstr("nested too deeply"));
}

}  // namespace
}  // namespace loopline::io
