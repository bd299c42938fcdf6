#include "loopline/io/event_file.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstring>
#include <map>
#include <vector>

#include "io_testing.h"
#include "loopline/io/crc32c.h"
#include "support/faulty_file_system.h"

namespace loopline::io {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// An independent reader: walks the frames and the wire format, knows nothing of the writer.

std::uint64_t little_endian_at(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = count; i-- > 0;) {
    value = value * 256 + static_cast<unsigned char>(bytes.at(at + i));
  }
  return value;
}

/// The CRC bit by bit, and the mask as TensorFlow's crc32c.h has it.
std::uint32_t masked_crc_by_hand(std::string_view bytes) {
  std::uint32_t crc = ~0U;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc % 2 == 1 ? crc / 2 ^ 0x82F63B78U : crc / 2;
  }
  return std::rotr(~crc, 15) + 0xA282EAD8U;
}

std::vector<std::string> records_of(std::string_view file) {
  std::vector<std::string> records;
  while (!file.empty()) {
    const std::uint64_t size = little_endian_at(file, 0, 8);
    EXPECT_EQ(little_endian_at(file, 8, 4), masked_crc_by_hand(file.substr(0, 8)));
    records.emplace_back(file.substr(12, size));
    EXPECT_EQ(records.back().size(), size);
    EXPECT_EQ(little_endian_at(file, 12 + size, 4), masked_crc_by_hand(records.back()));
    file.remove_prefix(12 + size + 4);
  }
  return records;
}

/// A field's values in their order: numbers as they are, the rest as bytes.
struct Field {
  std::vector<std::uint64_t> numbers;
  std::vector<std::string> bytes;
};
using Message = std::map<std::uint64_t, Field>;

Message message_of(std::string_view wire) {
  Message message;
  std::size_t at = 0;
  const auto varint = [&] {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(wire.at(at++));
      value |= static_cast<std::uint64_t>(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const auto fixed = [&](std::size_t size) {
    at += size;
    return little_endian_at(wire, at - size, size);
  };
  while (at < wire.size()) {
    const std::uint64_t key = varint();
    Field& field = message[key / 8];
    switch (key % 8) {
      case 0:
        field.numbers.push_back(varint());
        break;
      case 1:
        field.numbers.push_back(fixed(8));
        break;
      case 5:
        field.numbers.push_back(fixed(4));
        break;
      case 2: {
        const std::uint64_t size = varint();
        EXPECT_LE(at + size, wire.size());
        field.bytes.emplace_back(wire.substr(at, size));
        at += size;
        break;
      }
      default:
        ADD_FAILURE() << "wire type " << key % 8;
        return message;
    }
  }
  return message;
}

std::vector<Message> events_of(const fs::path& file) {
  std::vector<Message> events;
  for (const std::string& record : records_of(content(file))) events.push_back(message_of(record));
  return events;
}

std::vector<Message> values_of(const Message& event) {
  std::vector<Message> values;
  const Message summary = message_of(event.at(5).bytes.at(0));
  for (const std::string& value : summary.at(1).bytes) values.push_back(message_of(value));
  return values;
}

float float_of(std::uint64_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits));
}

fs::path fresh(const std::string& name) {
  const fs::path directory = temporary_directory() / name;
  fs::remove_all(directory);
  return directory;
}

TEST(Crc32c, MatchesTheVectorsOfRfc3720) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43U);
  std::string ascending, descending;
  for (char i = 0; i < 32; ++i) ascending += i;
  for (char i = 31; i >= 0; --i) descending += i;
  EXPECT_EQ(crc32c(ascending), 0x46DD794EU);
  EXPECT_EQ(crc32c(descending), 0x113FDB5CU);
  EXPECT_EQ(crc32c(""), 0U);
}

TEST(TfRecord, FramesByteForByte) {
  // crc32c is 0x872FCB77 of the length's eight bytes and 0xE3069283 of the data; rotated right by
  // 15 bits 0x96EF0E5F and 0x2507C60D; plus 0xA282EAD8 the two below.
  const std::string length("\x09\0\0\0\0\0\0\0", 8);
  const std::string framed = length + "\x37\xF9\x71\x39" + "123456789" + "\xE5\xB0\x8A\xC7";
  EXPECT_EQ(tf_record("123456789"), framed);
  EXPECT_THAT(records_of(framed + tf_record("")), ElementsAre("123456789", ""));
}

TEST(EventFile, BeginsWithItsVersionAndTheTime) {
  const auto now = [] {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  };
  const double before = now();
  const EventFile file(fresh("version"));
  const double after = now();
  const auto events = events_of(file.path());
  ASSERT_EQ(events.size(), 1u);
  EXPECT_THAT(events[0].at(3).bytes, ElementsAre("brain.Event:2"));
  const auto time = std::bit_cast<double>(events[0].at(1).numbers.at(0));
  EXPECT_GE(time, before);
  EXPECT_LE(time, after);
}

TEST(EventFile, ScalarsOfAnIterationAreOneEvent) {
  EventFile file(fresh("scalars"));
  file.scalars(300, {{"reward/mean", 0.1F}, {"zero", 0.0F}, {"negative", -2.5e-30F}});
  const auto events = events_of(file.path());
  ASSERT_EQ(events.size(), 2u);
  EXPECT_THAT(events[1].at(2).numbers, ElementsAre(300)) << "two bytes of a varint";
  const auto values = values_of(events[1]);
  ASSERT_EQ(values.size(), 3u);
  const std::pair<const char*, float> expected[] = {
      {"reward/mean", 0.1F}, {"zero", 0.0F}, {"negative", -2.5e-30F}};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_THAT(values[i].at(1).bytes, ElementsAre(expected[i].first));
    EXPECT_EQ(float_of(values[i].at(2).numbers.at(0)), expected[i].second);
  }
}

TEST(EventFile, StepsKeepTheir64Bits) {
  EventFile file(fresh("steps"));
  const std::int64_t large = (std::int64_t{1} << 62) + 127;
  file.scalars(large, {{"a", 1}});
  EXPECT_THAT(events_of(file.path())[1].at(2).numbers, ElementsAre(large));
  EXPECT_THROW(file.scalars(-1, {}), std::logic_error);
}

TEST(EventFile, SessionStartHasStatusStart) {
  EventFile file(fresh("start"));
  file.session_start(7);
  const auto events = events_of(file.path());
  ASSERT_EQ(events.size(), 2u);
  EXPECT_THAT(events[1].at(2).numbers, ElementsAre(7));
  EXPECT_THAT(message_of(events[1].at(7).bytes.at(0)).at(1).numbers, ElementsAre(1));
}

TEST(EventFile, PngKeepsItsBytesAndSaysSizeAndColours) {
  EventFile file(fresh("png"));
  const std::pair<int, std::uint64_t> colourspace_of_channels[] = {{1, 1}, {3, 3}, {4, 4}};
  for (const auto& [channels, colourspace] : colourspace_of_channels) {
    const fs::path png = temporary_directory() / "grid.png";
    write_png(png, noise(300, 2, channels));
    file.png(5, "samples", png);
    const auto values = values_of(events_of(file.path()).back());
    ASSERT_EQ(values.size(), 1u);
    EXPECT_THAT(values[0].at(1).bytes, ElementsAre("samples"));
    Message image = message_of(values[0].at(4).bytes.at(0));
    EXPECT_THAT(image[1].numbers, ElementsAre(2)) << "height";
    EXPECT_THAT(image[2].numbers, ElementsAre(300)) << "width";
    EXPECT_THAT(image[3].numbers, ElementsAre(colourspace));
    EXPECT_THAT(image[4].bytes, ElementsAre(content(png)));
  }
}

TEST(EventFile, WhatIsNoPngIsNamed) {
  EventFile file(fresh("no_png"));
  const std::string before = content(file.path());
  const fs::path text = temporary("text.png", "not a picture at all, but long enough");
  EXPECT_THAT(error_of([&] { file.png(1, "samples", text); }),
              AllOf(HasSubstr(text.string()), HasSubstr("is not a PNG")));
  const fs::path torn =
      temporary("torn.png", std::string("\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0", 18));
  EXPECT_THAT(error_of([&] { file.png(1, "samples", torn); }), HasSubstr("is not a PNG"));
  EXPECT_EQ(content(file.path()), before);
}

TEST(EventFile, TextIsOneStringOfTheTextPlugin) {
  EventFile file(fresh("text"));
  file.text(0, "config", "    a: \xC3\xA9\n");
  const auto values = values_of(events_of(file.path()).back());
  ASSERT_EQ(values.size(), 1u);
  Message value = values[0];
  EXPECT_THAT(value[1].bytes, ElementsAre("config"));
  Message tensor = message_of(value[8].bytes.at(0));
  EXPECT_THAT(tensor[1].numbers, ElementsAre(7)) << "DT_STRING";
  EXPECT_THAT(tensor[2].bytes, ElementsAre("")) << "a shape without dimensions";
  EXPECT_THAT(tensor[8].bytes, ElementsAre("    a: \xC3\xA9\n"));
  Message metadata = message_of(value[9].bytes.at(0));
  EXPECT_THAT(message_of(metadata[1].bytes.at(0))[1].bytes, ElementsAre("text"));
}

TEST(EventFile, EachFileSortsBehindThoseBefore) {
  const fs::path directory = fresh("names");
  std::vector<std::string> names;
  for (int i = 0; i < 5; ++i) names.push_back(EventFile(directory).path().filename().string());
  // A clock that was ahead by a century; foreign files do not count.
  names.push_back("events.out.tfevents.4900000000.loopline.1");
  std::ofstream(directory / names.back());
  std::ofstream(directory / "events.out.tfevents.9x00000000.a");
  std::ofstream(directory / "notes.txt");
  for (int i = 0; i < 2; ++i) names.push_back(EventFile(directory).path().filename().string());
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end())) << ::testing::PrintToString(names);
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
  for (const std::string& name : names) {
    EXPECT_THAT(name, ::testing::MatchesRegex("events\\.out\\.tfevents\\.[0-9]{10}\\..*"));
  }
}

TEST(EventFile, EveryFailureIsOneLineThatNamesTheFile) {
  const fs::path png = temporary("small.png", "");
  write_png(png, noise(2, 2, 3));
  const auto write_all = [&](const fs::path& directory) {
    EventFile file(directory);
    file.session_start(0);
    file.scalars(1, {{"a", 1}});
    file.png(1, "samples", png);
    file.text(1, "config", "text");
  };
  using loopline::testing::FaultyFileSystem;
  std::int64_t calls = 0;
  for (std::int64_t call = 1;; ++call) {
    const fs::path directory = fresh("fails");
    FaultyFileSystem faulty(call, ENOSPC);
    const FileSystemScope scope(faulty);
    const std::string error = error_of([&] { write_all(directory); });
    if (faulty.calls() < call) break;
    calls = call;
    EXPECT_THAT(error,
                AllOf(HasSubstr((directory / "events.out.tfevents.").string()),
                      HasSubstr("cannot be written: " + std::string(std::strerror(ENOSPC)))));
  }
  EXPECT_EQ(calls, 6) << "one to open, and one for each event: the version and the four above";
}

TEST(EventFile, ADirectoryThatCannotBeIsNamed) {
  const fs::path file = temporary("a_file", "");
  EXPECT_THAT(error_of([&] { EventFile(file / "tensorboard"); }),
              HasSubstr((file / "tensorboard").string()));
}

TEST(EventFile, ATornLastRecordLeavesThoseBeforeReadable) {
  const fs::path directory = fresh("torn");
  EventFile file(directory);
  file.scalars(1, {{"a", 1}});
  const std::string whole = content(file.path());
  loopline::testing::FaultyFileSystem faulty(
      1, ENOSPC, loopline::testing::FaultyFileSystem::Fault::kShortWrite);
  {
    const FileSystemScope scope(faulty);
    EXPECT_THAT(error_of([&] { file.scalars(2, {{"a", 2}}); }), HasSubstr("cannot be written"));
  }
  const std::string torn = content(file.path());
  EXPECT_GT(torn.size(), whole.size());
  EXPECT_EQ(torn.substr(0, whole.size()), whole);
  EXPECT_GT(EventFile(directory).path(), file.path()) << "the next session has a file of its own";
}

}  // namespace
}  // namespace loopline::io
