#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace loopline::io {

/// What a pickle of a TorchScript archive refers to.
struct PickleNames {
  std::set<std::string> globals;  ///< "__torch__.unet.Attention", "torch._utils._rebuild_tensor_v2"
  std::set<std::string> types;    ///< of lists and dictionaries, as written: "List[Tensor]"
};

/// The size in bytes of the record that a storage key names; nothing when there is none.
using StorageSize = std::function<std::optional<std::uint64_t>(const std::string& key)>;

/// Follows a pickle opcode by opcode as LibTorch's reader would, without making anything. What that
/// reader does not know or does not check itself is an Error at `where`: other opcodes than
/// LibTorch writes, a stack that runs empty, memory that grows by a single number, deep nesting,
/// bytes after the end, and tensors that reach beyond the record with their numbers.
PickleNames walk_pickle(std::string_view bytes, const std::string& where,
                        const StorageSize& storage_size);

}  // namespace loopline::io
