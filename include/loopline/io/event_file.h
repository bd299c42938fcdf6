#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "loopline/core/files.h"

namespace loopline::io {

/// One record of the TFRecord format: u64 length, u32 masked CRC-32C of the length's bytes, `data`,
/// u32 masked CRC-32C of `data`, all little-endian. Masked: rotated right by 15 bits, plus
/// 0xA282EAD8 (a CRC over bytes that hold CRCs is a weak one).
std::string tf_record(std::string_view data);

/// A number under its tag. A tag "group/name" stands under its group in TensorBoard.
struct Scalar {
  std::string tag;
  float value = 0;
};

/// An event file of TensorBoard ("brain.Event:2"): TFRecords of `Event` messages, encoded by hand,
/// since LibTorch carries a protobuf of its own. The field numbers beside the encoding are those of
/// event.proto, summary.proto, tensor.proto in TensorBoard's tree.
///
/// Each call appends one event with one write and without an fsync: an event file is a view of logs
/// that are durable by themselves. A killed process may leave a torn last record, where readers
/// stop and go on with the next file. Numbers and pictures are in the older forms (`simple_value`,
/// `image`), which every reader of event files takes; TensorBoard converts them as it reads.
/// Tags and texts are UTF-8, steps are not negative. All functions throw Error (exit 1) with the
/// path when the file cannot be written.
class EventFile {
 public:
  /// Creates a file in `directory` (made if missing), named
  /// events.out.tfevents.SECONDS.loopline.PROCESS. SECONDS is the time, or more where that is
  /// needed to sort behind each event file that is there: readers take the files of a directory for
  /// successive sessions in the order of their names.
  explicit EventFile(const std::filesystem::path& directory);

  /// SessionLog START: to readers, what earlier files logged at `step` and after it is void. They
  /// take the first START of a directory for the beginning of it all, so each session writes one.
  /// (TensorBoard's fast loader looks at steps instead: whatever repeats a tag's step voids what
  /// that tag had from there on.)
  void session_start(std::int64_t step);

  /// All in one event.
  void scalars(std::int64_t step, const std::vector<Scalar>& values);

  /// The picture in a PNG file, as it is. Anything else is an Error (exit 1).
  void png(std::int64_t step, const std::string& tag, const std::filesystem::path& file);

  /// Markdown.
  void text(std::int64_t step, const std::string& tag, std::string_view markdown);

  /// To be called once everything is written: some file systems report a full disk only here.
  void close() { writer_.close(); }

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  FileWriter writer_;
};

}  // namespace loopline::io
