#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "io/io_testing.h"
#include "loopline/io/torchscript_archive.h"
#include "support/zip_archive.h"

/// TorchScript archives made by hand, byte for byte as LibTorch writes them, or nearly.
namespace loopline::io {

inline std::string pickled_text(const std::string& text) {
  return "X" + little_endian_bytes(text.size(), 4) + text;
}

inline const std::string kPickleStart("\x80\x02", 2);

/// A float32 tensor over record `key` of `count` numbers, with pickled sizes and strides.
inline std::string pickled_tensor(const std::string& key, const std::string& count,
                                  const std::string& offset, const std::string& sizes,
                                  const std::string& strides) {
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + pickled_text("storage") +
         "ctorch\nFloatStorage\n" + pickled_text(key) + pickled_text("cpu") + count + "tQ" +
         offset + sizes + strides + "\x89" + "ccollections\nOrderedDict\n)RtR";
}

/// An object of class __torch__.Net with attribute `weight`.
inline std::string pickled_net(const std::string& weight) {
  return kPickleStart + "c__torch__\nNet\n)\x81}(" + pickled_text("weight") + weight + "ub.";
}

inline const std::string kNetCode = R"(class Net(Module):
  __parameters__ = ["weight", ]
  __buffers__ = []
  weight : Tensor
  def forward(self: __torch__.Net,
    x: Tensor) -> Tensor:
    weight = self.weight
    return torch.add(torch.mul(x, weight), CONSTANTS.c0)
)";

/// A network with one weight of two numbers, as LibTorch would save it.
inline TestArchive small_archive() {
  const std::string tensor =
      pickled_tensor("0", "K\x02", std::string("K\0", 2), "K\x02\x85", "K\x01\x85");
  TestArchive archive;
  archive["data/0"].content = std::string(8, '\x01');
  archive["data.pkl"].content = pickled_net(tensor);
  archive["code/__torch__.py"].content = kNetCode;
  archive["constants/0"].content = std::string(8, '\x02');
  archive["constants.pkl"].content = kPickleStart + "(" + tensor + "t.";
  archive["version"].content = "3\n";
  archive["byteorder"].content = "little";
  archive[".data/serialization_id"].content = std::string(40, '7');
  return archive;
}

/// What the scan says of an archive; "accepted" when it passes.
inline std::string verdict_on(const std::string& bytes) {
  const std::string error = error_of([&] { scan_torchscript_archive(bytes, "net.ts"); });
  return error == "no error" ? "accepted" : error;
}
inline std::string verdict_on(const TestArchive& archive) { return verdict_on(archive.bytes()); }

/// What it says of a body of forward, or of a whole code entry.
inline std::string verdict_on_code(const std::string& code) {
  TestArchive archive = small_archive();
  archive["code/__torch__.py"].content = code;
  return verdict_on(archive);
}
inline std::string verdict_on_body(const std::string& statements) {
  return verdict_on_code(kNetCode +
                         "  def other(self: __torch__.Net,\n    x: Tensor) -> Tensor:\n" +
                         statements + "    return x\n");
}

inline std::string verdict_on_pickle(const std::string& pickle) {
  TestArchive archive = small_archive();
  archive["data.pkl"].content = pickle;
  return verdict_on(archive);
}

}  // namespace loopline::io
