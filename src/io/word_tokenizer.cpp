#include "word_tokenizer.h"

#include <sstream>
#include <unordered_map>

#include "json_fields.h"
#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/core/text.h"

namespace loopline::io {
namespace {

constexpr std::uint64_t kMaxVocabularyBytes = 64 << 20;
constexpr std::size_t kMaxWords = 1'000'000;

class WordTokenizer : public Tokenizer {
 public:
  explicit WordTokenizer(const TokenizerSpec& spec) : spec_(spec) {
    const std::string where = spec.file.string();
    const nlohmann::json json = parse_json(read_file(spec.file, kMaxVocabularyBytes), where);
    JsonFields fields(json, where);
    words_ = fields.texts("vocabulary");
    lowercase_ = fields.boolean_or("lowercase", true);
    const auto last = static_cast<double>(words_.size()) - 1;
    if (words_.empty()) fields.fail("vocabulary", "is empty");
    if (words_.size() > kMaxWords) fields.fail("vocabulary", "has more than 1000000 words");
    unknown_id_ = fields.maybe_integer("unknown_id", between(0, last));
    fields.finish();
    for (std::size_t id = 0; id < words_.size(); ++id) {
      if (!ids_.emplace(words_[id], static_cast<std::int64_t>(id)).second) {
        fields.fail("vocabulary", "holds \"" + words_[id] + "\" twice");
      }
    }
    check_id(fields, "pad_id", spec.pad_id);
    if (spec.bos_id) check_id(fields, "bos_id", *spec.bos_id);
    if (spec.eos_id) check_id(fields, "eos_id", *spec.eos_id);
  }

  std::vector<std::int64_t> encode(const std::string& text) const override {
    const auto length = static_cast<std::size_t>(spec_.length);
    const std::size_t room = length - (spec_.eos_id ? 1 : 0);
    std::vector<std::int64_t> ids;
    if (spec_.bos_id) ids.push_back(*spec_.bos_id);
    std::istringstream stream(text);
    for (std::string word; stream >> word;) {
      const std::int64_t id = id_of(word, text);  // words that are cut off must be known as well
      if (ids.size() < room) ids.push_back(id);
    }
    if (spec_.eos_id) ids.push_back(*spec_.eos_id);
    ids.resize(length, spec_.pad_id);
    return ids;
  }

 private:
  void check_id(const JsonFields& fields, const std::string& name, std::int64_t id) const {
    if (id >= static_cast<std::int64_t>(words_.size())) {
      fields.fail("vocabulary", "has " + std::to_string(words_.size()) +
                                    " words, and the manifest's " + name + " is " +
                                    std::to_string(id));
    }
  }

  std::int64_t id_of(std::string word, const std::string& text) const {
    if (lowercase_) {
      for (char& c : word) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
      }
    }
    const auto found = ids_.find(word);
    if (found != ids_.end()) return found->second;
    if (unknown_id_) return *unknown_id_;
    const std::string nearest = nearest_name(word, words_);
    throw Error("prompt \"" + text + "\"", "the model does not know the word \"" + word + "\"",
                nearest.empty() ? "its words are in " + spec_.file.string()
                                : "did you mean \"" + nearest + "\"?");
  }

  TokenizerSpec spec_;
  std::vector<std::string> words_;
  std::unordered_map<std::string, std::int64_t> ids_;
  bool lowercase_ = true;
  std::optional<std::int64_t> unknown_id_;
};

}  // namespace

std::unique_ptr<Tokenizer> load_word_tokenizer(const TokenizerSpec& spec) {
  return std::make_unique<WordTokenizer>(spec);
}

}  // namespace loopline::io
