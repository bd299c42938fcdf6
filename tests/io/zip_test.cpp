#include <gmock/gmock.h>

#include "io/torchscript_fixture.h"

namespace loopline::io {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

/// The archive with one more record whose bytes are compressed.
TestArchive with_deflated(const std::string& content, const std::string& stored) {
  TestArchive archive = small_archive();
  TestEntry& entry = archive["code/__torch__/other.py"];
  entry.content = content;
  entry.stored = stored;
  entry.method = 8;
  return archive;
}

TEST(Zip, AnArchiveAsLibTorchWritesItIsAccepted) {
  EXPECT_EQ(verdict_on(small_archive()), "accepted");
  TestArchive old_end = small_archive();
  old_end.has_64_bit_end = false;
  EXPECT_EQ(verdict_on(old_end), "accepted");
  TestArchive accents = small_archive();
  accents.folder = "mod\xC3\xA8le 2";
  EXPECT_EQ(verdict_on(accents), "accepted");
}

TEST(Zip, WhatIsNoZipArchiveIsNoTorchScriptFile) {
  for (const std::string& bytes : {std::string(), std::string("{}"), std::string(100, 'x')}) {
    EXPECT_THAT(verdict_on(bytes), HasSubstr("net.ts: not a loadable TorchScript file: no zip"));
  }
}

TEST(Zip, ATruncatedArchiveIsRefusedWhereverItIsCut) {
  const std::string bytes = small_archive().bytes();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_THAT(verdict_on(bytes.substr(0, size)), HasSubstr("not a loadable TorchScript file"))
        << size;
  }
}

TEST(Zip, BytesThatBelongToNoEntryAreRefused) {
  TestArchive archive = small_archive();
  archive.before = "MZ";
  EXPECT_THAT(verdict_on(archive), HasSubstr("does not start with an entry"));
  archive = small_archive();
  archive.after = std::string(3, '\0');
  EXPECT_THAT(verdict_on(archive), HasSubstr("bytes after its end"));
  archive = small_archive();
  archive.comment = "hello";
  EXPECT_THAT(verdict_on(archive), HasSubstr("bytes after its end"));
  archive = small_archive();
  archive["data.pkl"].junk_before = "????";
  EXPECT_THAT(verdict_on(archive), HasSubstr("after entry \"data/0\""));
  archive = small_archive();
  archive["data/0"].flags = 0x0800;  // sizes stand in the header before the data
  EXPECT_EQ(verdict_on(archive), "accepted");
  archive["data.pkl"].junk_before = std::string(16, '?');
  EXPECT_THAT(verdict_on(archive), HasSubstr("after entry \"data/0\""));
  std::string bytes = small_archive().bytes();
  bytes[bytes.size() - 2] = 1;  // a comment of one byte that is not there
  EXPECT_THAT(verdict_on(bytes), HasSubstr("cut off"));
}

TEST(Zip, AnEntryHasOneName) {
  TestArchive archive = small_archive();
  archive.entries.push_back({.name = "data.pkl", .content = "other"});
  EXPECT_THAT(verdict_on(archive), HasSubstr("two entries are called \"data.pkl\""));
  archive = small_archive();  // LibTorch does not mind upper and lower case
  archive.entries.push_back({.name = "DATA.PKL", .content = "other"});
  EXPECT_THAT(verdict_on(archive), HasSubstr("two entries are called \"DATA.PKL\""));
  archive = small_archive();
  archive["data.pkl"].local_name = "data.abc";
  EXPECT_THAT(verdict_on(archive),
              AllOf(HasSubstr("data.pkl"), HasSubstr("contradict each other")));
}

TEST(Zip, NamesStayInOneFolder) {
  for (const std::string name : {"code/../../x.py", "/data", "code//x.py", "code/./x.py",
                                 "code\\x.py", "code/", "code/\x1b[31m.py"}) {
    TestArchive archive = small_archive();
    archive[name].content = "pass\n";
    EXPECT_THAT(verdict_on(archive), HasSubstr("has no name that LibTorch writes")) << name;
  }
  const std::string bytes = small_archive().bytes();
  std::string other = bytes;
  other.replace(other.rfind("net/version"), 3, "out");
  EXPECT_THAT(verdict_on(other), HasSubstr("in another folder"));
}

TEST(Zip, EntriesThatOverlapAreRefused) {
  const TestArchive archive = small_archive();
  std::string bytes = archive.bytes();
  // The directory's header of constants/0 is led to the entry of data/0.
  const std::size_t name = bytes.rfind("net/constants/0");
  bytes.replace(name - 4, 4, std::string(4, '\0'));
  EXPECT_THAT(verdict_on(bytes), HasSubstr("contradict each other"));
  bytes = archive.bytes();
  const std::size_t data = bytes.rfind("net/data/0");
  bytes.replace(data - 26, 8, little_endian_bytes(300, 4) + little_endian_bytes(300, 4));
  EXPECT_THAT(verdict_on(bytes), HasSubstr("overlaps"));
}

TEST(Zip, SizesThatLieAreRefused) {
  TestArchive archive = small_archive();
  archive["data.pkl"].local_size = 7;
  EXPECT_THAT(verdict_on(archive), HasSubstr("contradict each other"));
  archive = small_archive();
  archive["data.pkl"].size = 0xFFFFFFFE;
  EXPECT_THAT(verdict_on(archive), HasSubstr("contradicts itself"));
  archive = small_archive();
  archive["data.pkl"].size = 0xFFFFFFFF;  // "see the extra field", which is not there
  EXPECT_THAT(verdict_on(archive), HasSubstr("fields that LibTorch does not write"));
  archive = with_deflated("x = 1\n", from_hex("4b"));
  archive["code/__torch__/other.py"].size = 0xF0000000;
  EXPECT_THAT(verdict_on(archive), HasSubstr("too large for code"));
}

TEST(Zip, EncryptedAndForeignEntriesAreRefused) {
  TestArchive archive = small_archive();
  archive["data.pkl"].flags |= 1;
  EXPECT_THAT(verdict_on(archive), HasSubstr("is encrypted"));
  archive = small_archive();
  archive["data.pkl"].method = 12;
  EXPECT_THAT(verdict_on(archive), HasSubstr("packed in an unknown way"));
  archive = small_archive();
  archive["data.pkl"].extra = "UT" + little_endian_bytes(1, 2) + "x";
  EXPECT_THAT(verdict_on(archive), HasSubstr("fields that LibTorch does not write"));
}

TEST(Zip, AChangedByteOfCodeIsNoticed) {
  TestArchive archive = small_archive();
  archive["code/__torch__.py"].crc_change = 1;
  EXPECT_THAT(verdict_on(archive), HasSubstr("entry \"code/__torch__.py\" is damaged"));
}

// Streams of zlib: with fixed codes, stored, and with codes of their own.
const std::string kText =
    "def forward(self, x):\n  return torch.add(torch.add(x, x), torch.add(x, x))\n";
const std::string kFixed =
    "4b494d5348cb2f2a4f2c4ad1284ecd49d351a8d0b4e25250284a2d292dca5328c92f4aced04b4c49d140b02a406a74"
    "14d0"
    "0434b900";
const std::string kStored =
    "014b00b4ff64656620666f72776172642873656c662c2078293a0a202072657475726e20746f7263682e6164642874"
    "6f72"
    "63682e61646428782c2078292c20746f7263682e61646428782c207829290a";
const std::string kLetters =
    "aabadddcaadaccadbaabaaaacacaaddabaadbacaababcabbdcadaccabbadaacbdadabcaaaaaacbbdbacaacadbacdbc"
    "babdaa"
    "aaabaaaadababaabbaaababbdbddaabcbcababacaaacaaadcadaacbcabaaabaabbacbaaaadaacabaacadacbdabcbaa"
    "ababca"
    "bacbdaaaaaaaabbbbbbabadaabacacaabacaaabbbadbaabaaacaaaacaadaaaaccbbdbaabaaabbdcbcaabdabadbbaab"
    "aababa"
    "dabacbababbabaaaaaacabaaaabbddaabaaaaabbabaaaabaabcaaabadcbddacbabdacaabaaabbccaaadaabdaabddac"
    "bbaaab";
const std::string kOwnCodes =
    "3d50890dc4300c9a15f0fe331c4f7a91a22ad87c0588bb1370907084011f21d0e5614c412990deec224df316cf1f0f"
    "7ae4"
    "7177aba3a34cba8eaa19b5e8b340966d60768451626f2d30148fa0278082cdc0183fa9a07a56417ad0885c95c907fd"
    "2a6a"
    "355196967d8e2e994a31f0f6d0a93548a2afd08b53cabd92ff6148f574a18cf733f479482bc4de8c8bff00";

TEST(Inflate, UnpacksWhatZlibPacks) {
  EXPECT_THAT(verdict_on(with_deflated(kText, from_hex(kFixed))), "accepted");
  EXPECT_THAT(verdict_on(with_deflated(kText, from_hex(kStored))), "accepted");
  // The letters are unpacked, then refused as code: a name that is declared nowhere.
  EXPECT_THAT(verdict_on(with_deflated(kLetters, from_hex(kOwnCodes))),
              HasSubstr("aabadddcaadacc"));
}

TEST(Inflate, EveryTruncationAndEveryChangedBitIsNoticed) {
  for (const auto& [content, hex] : {std::pair(kText, kFixed), {kLetters, kOwnCodes}}) {
    const std::string stream = from_hex(hex);
    const std::string intact = verdict_on(with_deflated(content, stream));
    for (std::size_t size = 1; size < stream.size(); ++size) {
      ASSERT_THAT(verdict_on(with_deflated(content, stream.substr(0, size))),
                  HasSubstr("other.py\" is damaged"))
          << size;
    }
    ASSERT_THAT(verdict_on(with_deflated(content, stream + '\0')), HasSubstr("is damaged"));
    for (std::size_t bit = 0; bit + 8 < 8 * stream.size(); ++bit) {
      std::string changed = stream;
      changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ 1 << (bit % 8));
      // A run of equal letters can be repeated from another place.
      ASSERT_THAT(verdict_on(with_deflated(content, changed)),
                  AnyOf(HasSubstr("is damaged"), intact))
          << bit;
    }
  }
}

TEST(Inflate, UnpacksNoMoreThanTheDirectorySays) {
  TestArchive archive = with_deflated(kText, from_hex(kFixed));
  archive["code/__torch__/other.py"].size = kText.size() - 1;
  EXPECT_THAT(verdict_on(archive), HasSubstr("is damaged"));
}

}  // namespace
}  // namespace loopline::io
