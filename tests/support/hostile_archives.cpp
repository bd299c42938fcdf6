#include "support/hostile_archives.h"

#include <torch/csrc/jit/runtime/operator.h>
#include <torch/script.h>

namespace loopline::testing {

void write_script_with_setstate(const std::filesystem::path& path,
                                const std::filesystem::path& marker) {
  torch::jit::Module module("Script");
  module.define("def forward(self, x):\n    return x + 1\n");
  module.define("def __getstate__(self) -> int:\n    return 1\n");
  module.define("def __setstate__(self, state: int) -> None:\n    torch.save(state, \"" +
                marker.string() + "\")\n");
  module.save(path.string());
}

void write_script_with_method(const std::filesystem::path& path, const std::string& other) {
  torch::jit::Module module("Script");
  module.define("def forward(self, x):\n    return x + 1\n");
  module.define(other);
  module.save(path.string());
}

std::int64_t elements_without_checks(const std::filesystem::path& path) {
  return torch::jit::load(path.string()).attr("weight").toTensor().numel();
}

bool is_known_operator(const std::string& name) {
  return !torch::jit::getAllOperatorsFor(c10::Symbol::fromQualString(name)).empty();
}

}  // namespace loopline::testing
