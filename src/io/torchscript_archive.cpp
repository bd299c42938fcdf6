#include "loopline/io/torchscript_archive.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>

#include "loopline/core/error.h"
#include "loopline/core/log.h"
#include "pickle_walk.h"
#include "torchscript_code.h"
#include "zip_directory.h"

namespace loopline::io {
namespace {

constexpr std::uint64_t kMaxRecordBytes = 64
                                          << 20;  // of code or pickle; the largest seen has 1 MiB
constexpr std::uint64_t kMaxScannedBytes = 256 << 20;
constexpr std::string_view kCode = "code/", kDebug = ".debug_pkl", kPickle = ".pkl";

// -- trust --

struct Trust {
  std::mutex mutex;
  std::set<std::string> names, reported;
};

Trust& trust() {
  static Trust instance;
  return instance;
}

// -- the records --

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

bool ends_with(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

/// "__torch__.torch.nn" for code/__torch__/torch/nn.py, "" for other records.
std::string module_of(std::string_view record) {
  if (!starts_with(record, kCode) || !ends_with(record, ".py")) return "";
  std::string name(record.substr(kCode.size(), record.size() - kCode.size() - 3));
  if (name != "__torch__" && !starts_with(name, "__torch__/")) return "";
  for (char& c : name) {
    if (c == '.') return "";
    if (c == '/') c = '.';
  }
  return name;
}

bool is_debug_record(std::string_view record) {
  return ends_with(record, kDebug) &&
         !module_of(record.substr(0, record.size() - kDebug.size())).empty();
}

/// Records that LibTorch writes and either reads as numbers or does not read at all.
bool is_plain_record(std::string_view record) {
  static const std::set<std::string_view> kNames{"version",         "byteorder",
                                                 ".data/version",   ".data/serialization_id",
                                                 ".format_version", ".storage_alignment"};
  if (kNames.count(record) > 0) return true;
  for (const std::string_view folder : {"data/", "constants/", "traced_inputs/", "extra/"}) {
    if (starts_with(record, folder)) return true;
  }
  return false;
}

/// The folder of the numbers that a pickle refers to, "" for records that are no such pickle.
std::string storage_folder(std::string_view record) {
  for (const std::string_view name : {"data", "constants", "traced_inputs"}) {
    if (record == std::string(name) + ".pkl") return std::string(name) + "/";
  }
  return "";
}

class Scan {
 public:
  Scan(const ByteSource& source, std::string where) : source_(source), where_(std::move(where)) {}

  ArchiveContents run() {
    for (ZipEntry& entry : read_zip_directory(source_, where_)) {
      entries_.emplace(entry.name, std::move(entry));
    }
    check_records();
    for (const auto& [record, entry] : entries_) {
      if (const std::string module = module_of(record); !module.empty()) {
        declare_code(tokens(record), module, names_);
      }
    }
    contents_.classes = names_.definitions;
    for (const auto& [record, entry] : entries_) {
      if (!module_of(record).empty()) {
        check_code(tokens(record), place(record), names_, require_trust, contents_.operators);
      } else if (is_debug_record(record) || !storage_folder(record).empty()) {
        check_pickle(record);
      }
    }
    return std::move(contents_);
  }

 private:
  std::string place(const std::string& record) const { return where_ + ": " + record; }

  void check_records() const {
    std::uint64_t scanned = 0;
    for (const auto& [record, entry] : entries_) {
      if (record == "model.json" || record == "attributes.pkl") {
        throw Error(where_, "an archive of LibTorch before 1.4 (" + record + ")",
                    "load and save it with a newer one");
      }
      if (record == "bytecode.pkl") {
        throw Error(where_, "an archive for the mobile interpreter (" + record + ")",
                    "save it with torch.jit.save");
      }
      if (is_plain_record(record)) {
        if (entry.is_deflated && !starts_with(record, "extra/")) {
          throw Error(where_, "record " + record + " is compressed, as LibTorch does not write it");
        }
        continue;
      }
      if (module_of(record).empty() && !is_debug_record(record) && storage_folder(record).empty()) {
        throw Error(where_, "holds a record that LibTorch does not write: " + record);
      }
      scanned += std::min(entry.size, kMaxScannedBytes);
      if (std::max(entry.size, entry.stored_size) > kMaxRecordBytes || scanned > kMaxScannedBytes) {
        throw Error(where_, "record " + record + " is too large for code");
      }
    }
    for (const char* record : {"data.pkl", "constants.pkl"}) {
      if (entries_.count(record) == 0) {
        throw Error(where_, std::string("not a loadable TorchScript file: it holds no ") + record,
                    "torch.save does not write a network, torch.jit.save does");
      }
    }
  }

  std::string content(const std::string& record) const {
    return read_zip_entry(source_, entries_.at(record), where_);
  }

  /// The tokens of a code record; they refer to its content, which is kept.
  std::vector<Token> tokens(const std::string& record) {
    const auto [entry, is_new] = code_.try_emplace(record);
    if (is_new) entry->second = content(record);
    return split_torchscript(entry->second, place(record));
  }

  void check_pickle(const std::string& record) const {
    const std::string folder = storage_folder(record);
    const StorageSize size = [&](const std::string& key) -> std::optional<std::uint64_t> {
      // Inputs of a trace are kept as shapes: their numbers are never read.
      if (folder == "traced_inputs/") return UINT64_MAX;
      const auto found = entries_.find(folder + key);
      if (folder.empty() || found == entries_.end()) return std::nullopt;
      return found->second.size;
    };
    const PickleNames found = walk_pickle(content(record), place(record), size);
    for (const std::string& name : found.globals) check_global(record, name);
    for (const std::string& type : found.types) {
      check_type(type, place(record), names_, require_trust);
    }
  }

  void check_global(const std::string& record, const std::string& name) const {
    static const std::set<std::string_view> kListed{"torch._utils._rebuild_tensor_v2",
                                                    "collections.OrderedDict",
                                                    "torch.device",
                                                    "builtins.complex",
                                                    "torch.jit._pickle.build_intlist",
                                                    "torch.jit._pickle.build_doublelist",
                                                    "torch.jit._pickle.build_boollist",
                                                    "torch.jit._pickle.build_tensorlist",
                                                    "torch.jit._pickle.restore_type_tag"};
    const bool is_storage = starts_with(name, "torch.") && ends_with(name, "Storage") &&
                            name.find('.') == name.rfind('.');
    if (kListed.count(name) > 0 || is_storage || contents_.classes.count(name) > 0) return;
    if (const std::string custom = custom_class_of(name); !custom.empty()) {
      require_trust(place(record), "holds an object of class " + custom + ", which is C++ code",
                    custom);
    } else {
      require_trust(place(record), "makes an object of " + name + ", which is not listed", name);
    }
  }

  const ByteSource& source_;
  std::string where_;
  std::map<std::string, ZipEntry> entries_;
  std::map<std::string, std::string> code_;
  CodeNames names_;
  ArchiveContents contents_;
};

/// A file that is read here and there.
class OpenFile {
 public:
  explicit OpenFile(const std::filesystem::path& path)
      : path_(path.string()), descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor_ < 0) fail();
  }
  ~OpenFile() { ::close(descriptor_); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  ByteSource source() {
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) fail();
    if (!S_ISREG(status.st_mode)) throw Error(path_, "not a file");
    return {static_cast<std::uint64_t>(status.st_size),
            [this](std::uint64_t offset, std::uint64_t count) { return read(offset, count); }};
  }

 private:
  [[noreturn]] void fail() const {
    throw failure(path_, std::string("cannot be read: ") + std::strerror(errno));
  }

  std::string read(std::uint64_t offset, std::uint64_t count) const {
    std::string bytes(count, '\0');
    std::uint64_t done = 0;
    while (done < count) {
      const ssize_t got = ::pread(descriptor_, bytes.data() + done, count - done,
                                  static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail();
      if (got == 0) throw failure(path_, "became shorter while it was read");
      done += static_cast<std::uint64_t>(got);
    }
    return bytes;
  }

  std::string path_;
  int descriptor_;
};

}  // namespace

ArchiveContents scan_torchscript_archive(const std::filesystem::path& path) {
  OpenFile file(path);
  const ByteSource source = file.source();
  return Scan(source, path.string()).run();
}

ArchiveContents scan_torchscript_archive(std::string_view bytes, const std::string& where) {
  const ByteSource source{bytes.size(), [&](std::uint64_t offset, std::uint64_t count) {
                            return std::string(bytes.substr(offset, count));
                          }};
  return Scan(source, where).run();
}

void trust_in_archives(std::vector<std::string> names) {
  const std::lock_guard lock(trust().mutex);
  trust().names = std::set<std::string>(names.begin(), names.end());
  trust().reported.clear();
}

void require_trust(const std::string& where, const std::string& what, const std::string& name) {
  const std::lock_guard lock(trust().mutex);
  if (trust().names.count(name) == 0) {
    throw Error(where, what,
                "if you know who made the file, --trust " + name + " allows it (docs/security.md)");
  }
  if (trust().reported.insert(where + " " + name).second) {
    log_warning(where + ": " + what + ": trusted");
  }
}

}  // namespace loopline::io
