#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "json_fields.h"
#include "loopline/io/model_bundle.h"

namespace loopline::io {

constexpr double kMaxSide = 65536;  ///< of an image, and other sizes that none exceeds

/// What bundle.json and reward.json have in common. Each reads its part of the manifest.

/// `format`, `version`, `requires`: whether this reader may read on.
void read_format(JsonFields& manifest, const std::string& format);

/// channels, height, width, and `data_range` with the given default. The caller finishes `fields`.
ImageSpec read_image_spec(JsonFields& fields, double low, double high);

TokenizerSpec read_tokenizer(JsonFields fields, const std::filesystem::path& directory);

/// `dtype` and `shape` of one sample.
std::string read_dtype(JsonFields& fields);
std::vector<std::int64_t> read_shape(JsonFields& fields);

nlohmann::json read_provenance(JsonFields& manifest);

/// The files that a manifest names, with the fields that name them, in the order of the hash.
using NamedFiles = std::vector<std::pair<std::string, std::filesystem::path>>;
void append_tokenizer_files(NamedFiles& files, const TokenizerSpec& tokenizer);

/// The text of `directory`/`name`; a missing directory or file is an Error that says what a bundle
/// is.
std::string read_manifest(const std::filesystem::path& directory, const std::string& name);

/// Checks that the files exist and gives the bundle's hash: SHA-256 over the SHA-256 of the
/// manifest and of each file, in hexadecimal, a line each.
std::string hash_bundle(const std::string& manifest, const NamedFiles& files,
                        const std::string& where);

}  // namespace loopline::io
