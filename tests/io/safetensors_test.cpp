#include "loopline/io/safetensors.h"

#include <gmock/gmock.h>

#include "io/io_testing.h"

namespace loopline::io {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

template <class Value>
SafetensorsTensor tensor(DType dtype, std::vector<std::int64_t> shape,
                         const std::vector<Value>& values) {
  return {dtype, std::move(shape), std::as_bytes(std::span(values))};
}

std::string with_length(const std::string& header, std::uint64_t length) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(length >> (8 * i) & 0xFF);
  return bytes + header;
}

// A file of this header and `data_size` zero bytes.
std::string file_bytes(const std::string& header, std::size_t data_size) {
  return with_length(header, header.size()) + std::string(data_size, '\0');
}

SafetensorsHeader parse(const std::string& bytes) {
  return parse_safetensors_header(bytes, bytes.size(), "f.safetensors");
}

TEST(Safetensors, WritesTheBytesOfTheSpecification) {
  const std::vector<float> b = {1.0F, -2.0F};
  const std::vector<std::uint8_t> a = {7, 8, 9};
  const fs::path path = temporary("golden.safetensors", "");
  write_safetensors(path,
                    {{"a", tensor(DType::kU8, {3}, a)}, {"b", tensor(DType::kF32, {2, 1}, b)}},
                    {{"format", "pt"}});
  // Wider elements first; header padded with spaces to a multiple of 8; little endian.
  std::string header =
      R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},)"
      R"("a":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}})";
  ASSERT_EQ(header.size(), 140U);
  header += "    ";
  const std::string data("\x00\x00\x80\x3F\x00\x00\x00\xC0\x07\x08\x09", 11);
  EXPECT_EQ(content(path), std::string("\x90\0\0\0\0\0\0\0", 8) + header + data);
}

TEST(Safetensors, RoundTripsEveryDtypeAndShape) {
  const std::vector<std::byte> bytes(64, std::byte{42});
  std::map<std::string, SafetensorsTensor> tensors;
  for (const DType dtype : {DType::kBool, DType::kU8, DType::kI8, DType::kI16, DType::kI32,
                            DType::kI64, DType::kF16, DType::kBF16, DType::kF32, DType::kF64}) {
    const std::string name(dtype_name(dtype));
    tensors[name] = {dtype, {2, 3}, std::span(bytes).first(6 * dtype_size(dtype))};
    tensors[name + ".scalar"] = {dtype, {}, std::span(bytes).first(dtype_size(dtype))};
    tensors[name + ".empty"] = {dtype, {4, 0}, {}};
  }
  const fs::path path = temporary("all.safetensors", "");
  write_safetensors(path, tensors, {{"b", "2"}, {"a", "\"quoted\"\n"}});
  const SafetensorsHeader header = read_safetensors_header(path);
  EXPECT_EQ(header.data_begin % 8, 0U);
  EXPECT_EQ(header.metadata.at("a"), "\"quoted\"\n");
  ASSERT_EQ(header.tensors.size(), tensors.size());
  for (const auto& [name, entry] : header.tensors) {
    EXPECT_EQ(entry.dtype, tensors[name].dtype) << name;
    EXPECT_EQ(entry.shape, tensors[name].shape) << name;
    EXPECT_EQ(entry.end - entry.begin, tensors[name].bytes.size()) << name;
    EXPECT_EQ(entry.begin % dtype_size(entry.dtype), 0U) << name << " is not aligned";
  }
  const std::string first = content(path);
  write_safetensors(path, tensors, {{"b", "2"}, {"a", "\"quoted\"\n"}});
  EXPECT_EQ(content(path), first);
}

TEST(Safetensors, WritesAFileWithoutTensors) {
  const fs::path path = temporary("none.safetensors", "");
  write_safetensors(path, {});
  EXPECT_EQ(content(path), file_bytes("{}      ", 0));
  EXPECT_TRUE(read_safetensors_header(path).tensors.empty());
}

TEST(Safetensors, ChecksWhatItIsGiven) {
  const std::vector<float> values = {1.0F, 2.0F};
  EXPECT_THROW(write_safetensors("x", {{"a", tensor(DType::kF32, {3}, values)}}), std::logic_error);
  EXPECT_THROW(write_safetensors("x", {{"__metadata__", tensor(DType::kF32, {2}, values)}}),
               std::logic_error);
  EXPECT_THAT(error_of([&] {
                write_safetensors("/no/such/dir/x", {{"a", tensor(DType::kF32, {2}, values)}});
              }),
              HasSubstr("/no/such/dir/x: cannot be written: No such file"));
}

TEST(Safetensors, ReadsTensorsInAnyOrderWithTrailingSpaces) {
  const auto header = parse(file_bytes(
      R"({"x":{"data_offsets":[4,8],"shape":[],"dtype":"F32"},"y":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}   )",
      8));
  EXPECT_EQ(header.tensors.at("x").begin, 4U);
  EXPECT_TRUE(header.tensors.at("x").shape.empty());
  EXPECT_THAT(header.tensors.at("y").shape, ElementsAre(1));
  EXPECT_TRUE(header.metadata.empty());
}

TEST(Safetensors, RefusesEveryViolation) {
  const std::string x = R"("x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  const auto one = [](const std::string& dtype, const std::string& shape,
                      const std::string& offsets) {
    return "{\"x\":{\"dtype\":" + dtype + ",\"shape\":" + shape + ",\"data_offsets\":" + offsets +
           "}}";
  };
  const auto ones = [](int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += ",1";
    return text;
  };
  struct Case {
    std::string bytes, message;
  };
  const std::vector<Case> cases = {
      {"", "too short"},
      {"1234567", "too short"},
      {with_length("{}", 3), "is cut off in its header"},
      {with_length("{}", 100'000'001), "it claims a header of 100000001 bytes"},
      {with_length("{}", UINT64_MAX), "it claims a header of"},
      {file_bytes("", 0), "its header is no JSON object"},
      {file_bytes("[]", 0), "its header is no JSON object"},
      {file_bytes(" {}", 0), "its header is no JSON object"},
      {file_bytes("{\"x\"", 0), "not valid JSON"},
      {file_bytes("{}x", 0), "not valid JSON"},
      {file_bytes("{\"\xFF\": 1}", 0), "not valid JSON"},
      {file_bytes("{" + x + "," + x + "}", 4), "the key \"x\" is given twice"},
      {file_bytes("{\"x\": 3}", 0), "tensor \"x\" must be an object, found 3"},
      {file_bytes("{\"x\": {}}", 0), "tensor \"x\".dtype is missing"},
      {file_bytes(one("\"F8\"", "[1]", "[0,4]"), 4),
       "tensor \"x\".dtype is \"F8\", and must be one of"},
      {file_bytes(one("\"f32\"", "[1]", "[0,4]"), 4), "tensor \"x\".dtype is \"f32\""},
      {file_bytes(one("3", "[1]", "[0,4]"), 4), "tensor \"x\".dtype must be text"},
      {file_bytes(one("\"F32\"", "1", "[0,4]"), 4), "tensor \"x\".shape must be a list"},
      {file_bytes(one("\"F32\"", "[-1]", "[0,4]"), 4), "tensor \"x\".shape[0] is -1"},
      {file_bytes(one("\"F32\"", "[1.0]", "[0,4]"), 4), "shape[0] must be a whole number"},
      {file_bytes(one("\"F32\"", "[1" + ones(64) + "]", "[0,4]"), 4), "more than 64 sides"},
      {file_bytes("{\"x\": [0" + ones(4'000'000) + "]}", 0), "more than 4000000 values"},
      {file_bytes(one("\"F32\"", "[4294967296,4294967296]", "[0,0]"), 0), "than 64 bits count"},
      {file_bytes(one("\"F32\"", "[4611686018427387904,4,1]", "[0,0]"), 0),
       "tensor \"x\".shape[0] is"},
      {file_bytes(one("\"F32\"", "[1]", "[0]"), 4), "data_offsets must be two numbers"},
      {file_bytes(one("\"F32\"", "[1]", "[4,0]"), 4), "data_offsets must be two numbers"},
      {file_bytes(one("\"F32\"", "[1]", "[0,4,4]"), 4), "data_offsets must be two numbers"},
      {file_bytes(one("\"F32\"", "[1]", "[-4,0]"), 4), "data_offsets[0] is -4"},
      {file_bytes(one("\"F32\"", "[1]", "[0,18446744073709551615]"), 4), "data_offsets[1] is 1844"},
      {file_bytes(one("\"F32\"", "[1]", "[0,8]"), 4),
       "ends at 8, and the file holds 4 bytes of data"},
      {file_bytes(one("\"F32\"", "[2]", "[0,4]"), 4), "spans 4 bytes, and dtype and shape need 8"},
      {file_bytes(one("\"F32\"", "[1]", "[0,4], \"extra\": 1"), 4),
       "unknown field \"tensor \"x\".extra\""},
      {file_bytes(one("\"F32\"", "[1]", "[4,8]"), 8),
       "tensor \"x\" begins at 4, which leaves a hole"},
      {file_bytes("{" + x + R"(,"y":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})", 6),
       "tensor \"y\" begins at 2, inside another one"},
      {file_bytes("{" + x + R"(,"y":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4),
       "begins at 0, inside another one"},
      {file_bytes("{" + x + R"(,"y":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})", 12),
       "tensor \"y\" begins at 8, which leaves a hole"},
      {file_bytes("{" + x + "}", 5), "1 bytes follow the last tensor"},
      {file_bytes("{}", 1), "1 bytes follow the last tensor"},
      {file_bytes("{\"__metadata__\": {\"a\": 1}}", 0), "__metadata__.a must be text"},
      {file_bytes("{\"__metadata__\": []}", 0), "__metadata__ must be an object"},
  };
  for (const Case& c : cases) {
    const std::string message = error_of([&] { parse(c.bytes); });
    EXPECT_THAT(message, HasSubstr(c.message)) << c.bytes;
    EXPECT_THAT(message, testing::StartsWith("f.safetensors: ")) << c.bytes;
    const fs::path path = temporary("bad.safetensors", c.bytes);
    EXPECT_THAT(error_of([&] { read_safetensors_header(path); }), HasSubstr(c.message)) << c.bytes;
  }
  EXPECT_THAT(error_of([] { read_safetensors_header("absent"); }),
              HasSubstr("absent: no such file"));
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const std::vector<double> values = {1, 2, 3};
  const fs::path path = temporary("whole.safetensors", "");
  write_safetensors(path, {{"a", tensor(DType::kF64, {3}, values)}}, {{"k", "v"}});
  const std::string whole = content(path);
  ASSERT_EQ(error_of([&] { parse(whole); }), "no error");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(error_of([&] { parse(whole.substr(0, size)); }), "no error") << size;
  }
}

TEST(Safetensors, PythonReadsWhatWeWrite) {
  if (std::system("python3 -c 'import safetensors.numpy' 2> /dev/null") != 0) {
    GTEST_SKIP() << "python3 has no safetensors package with numpy";
  }
  const std::vector<float> a = {1.5F, -2.0F};
  const std::vector<std::int64_t> b = {1, 2, 3, 4};
  const std::vector<std::uint8_t> c = {1, 0, 1};
  const fs::path path = temporary("python.safetensors", "");
  write_safetensors(path,
                    {{"a", tensor(DType::kF32, {2}, a)},
                     {"b", tensor(DType::kI64, {2, 2}, b)},
                     {"c", tensor(DType::kBool, {3}, c)},
                     {"d", {DType::kF16, {0, 5}, {}}}},
                    {{"format", "np"}});
  const std::string script =
      "import sys\n"
      "from safetensors import safe_open\n"
      "f = safe_open(sys.argv[1], 'np')\n"
      "assert f.metadata() == {'format': 'np'}\n"
      "assert sorted(f.keys()) == ['a', 'b', 'c', 'd']\n"
      "assert f.get_tensor('a').tolist() == [1.5, -2.0]\n"
      "assert f.get_tensor('b').tolist() == [[1, 2], [3, 4]]\n"
      "assert f.get_tensor('c').tolist() == [True, False, True]\n"
      "assert f.get_tensor('d').shape == (0, 5)\n";
  const fs::path program = temporary("check.py", script);
  EXPECT_EQ(std::system(("python3 '" + program.string() + "' '" + path.string() + "'").c_str()), 0);
}

}  // namespace
}  // namespace loopline::io
