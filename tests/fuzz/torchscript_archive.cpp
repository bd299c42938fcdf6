#include "loopline/io/torchscript_archive.h"

#include "fuzzing.h"
#include "support/zip_archive.h"

namespace {

using namespace loopline;

using io::TestArchive;

constexpr char kCode[] = R"(class Net(Module):
  __parameters__ = []
  __buffers__ = []
  def forward(self: __torch__.Net,
    x: Tensor) -> Tensor:
    return torch.add(x, CONSTANTS.c0)
)";

// As LibTorch writes it, with check sums that fit: no fuzzer finds those.
TestArchive small_network() {
  const std::string start("\x80\x02", 2);
  return {{{"data.pkl", start + "c__torch__\nNet\n)\x81}(ub."},
           {"code/__torch__.py", kCode},
           {"constants.pkl", start + "(t."},
           {"data/0", std::string(8, '\0')},
           {"version", "3\n"}}};
}

}  // namespace

// The first letter says what the rest is: the data, the constants or the code of a network, code
// that is compressed (after two bytes, its size), or (any other letter) the whole archive.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string rest = fuzz::text_of(data + 1, size - 1);
  TestArchive network = small_network();
  std::string bytes;
  if (data[0] == 'd') {
    network.entries[0].content = rest;
    bytes = network.bytes();
  } else if (data[0] == 'c') {
    network.entries[1].content = rest;
    bytes = network.bytes();
  } else if (data[0] == 't') {
    network.entries[2].content = rest;
    bytes = network.bytes();
  } else if (data[0] == 'i' && rest.size() >= 2) {
    const std::uint64_t inflated = data[1] << 8 | data[2];
    network.entries[1] = {
        .name = "code/__torch__.py", .content = rest.substr(2), .method = 8, .size = inflated};
    bytes = network.bytes();
  } else {
    bytes = rest;
  }
  fuzz::accepts([&] {
    for (const std::string& name : io::scan_torchscript_archive(bytes, "net.ts").operators) {
      fuzz::require(io::is_listed_operator(name), "operators of an accepted archive are listed");
    }
  });
  return 0;
}
