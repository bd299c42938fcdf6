#include "prompt_template.h"

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <utility>

#include "limits.h"
#include "loopline/config/read_options.h"
#include "loopline/core/error.h"
#include "loopline/core/text.h"

namespace loopline::io {
namespace {

using config::ConfigTree;

constexpr std::size_t kMaxBytes = std::size_t{1} << 30;  // of all prompts
constexpr std::size_t kBytesOfSlotValue = 64;            // in the metadata, beside the text
constexpr std::size_t kMaxSlots = 1000;
constexpr std::size_t kMaxSlotsOfTemplate = 64;

struct Slot {
  std::string name;
  std::string place;
  std::vector<std::string> values{};
  bool distinct = false;
  bool used = false;
};

// literals[0] slots[0] literals[1] ... slots[n - 1] literals[n]
struct Template {
  std::string place;
  double weight = 1;
  std::vector<std::string> literals{};
  std::vector<std::size_t> slots{};
};

struct TemplateFile {
  std::vector<Template> templates{};
  std::vector<Slot> slots{};
  std::string negative{};
};

std::string in_braces(const std::string& name) { return "{" + name + "}"; }

ConfigTree parse(const std::string& yaml, const std::filesystem::path& file) {
  try {
    return config::parse_yaml(yaml, file);
  } catch (const Error& error) {
    const std::string message = error.what();
    if (message.find("not valid YAML") == std::string::npos) throw;
    throw Error("", message, "braces mean something in YAML: put templates in quotes");
  }
}

// An entry of `templates` is a text or {text, weight}; the latter becomes the former in the tree.
std::vector<double> take_weights(ConfigTree& tree) {
  std::vector<double> weights;
  for (auto& [key, templates] : tree.map) {
    if (key != "templates") continue;
    for (ConfigTree& entry : templates.list) {
      double& weight = weights.emplace_back(1);
      if (entry.kind != ConfigTree::Kind::kMap) continue;
      if (entry.find("text") == nullptr) {
        throw Error(entry.place, "a template is a text, or {text: TEXT, weight: NUMBER}",
                    "put one that begins with a brace or holds a colon in quotes");
      }
      std::string text;
      config::read_options(entry, [&](config::OptionVisitor& visitor) {
        visitor.field(config::option("text", "The template."), text);
        visitor.field(config::option("weight", "Of each of its prompts.").above(0), weight);
      });
      entry.kind = ConfigTree::Kind::kScalar;
      entry.scalar = text;
      entry.map.clear();
    }
  }
  if (weights.empty()) weights.push_back(1);  // one template without a list around it
  return weights;
}

std::size_t slot_named(const std::string& name, const std::vector<Slot>& slots,
                       const std::string& place, const std::string& found) {
  const auto same = std::ranges::find(slots, name, &Slot::name);
  if (same != slots.end()) return static_cast<std::size_t>(same - slots.begin());
  std::vector<std::string> names;
  for (const Slot& slot : slots) names.push_back(slot.name);
  const std::string nearest = nearest_name(name, names);
  throw Error(place, found + " is no slot",
              !nearest.empty() ? "did you mean '" + nearest + "'?"
              : names.empty()  ? "the file has no slots"
                               : "slots are: " + join(names));
}

Template parse_template(const std::string& text, const std::string& place,
                        std::vector<Slot>& slots) {
  Template result{.place = place, .literals = {""}};
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '{' && c != '}') {
      result.literals.back() += c;
    } else if (i + 1 < text.size() && text[i + 1] == c) {
      result.literals.back() += c;
      ++i;
    } else {
      const std::size_t end = text.find_first_of("{}", i + 1);
      if (c == '}' || end == std::string::npos || text[end] == '{') {
        throw Error(place, std::string("a '") + c + "' without its partner in the template",
                    std::string("write ") + c + c + " for a brace of the text");
      }
      const std::string name = text.substr(i + 1, end - i - 1);
      const std::size_t slot = slot_named(name, slots, place, in_braces(name));
      slots[slot].used = true;
      result.slots.push_back(slot);
      result.literals.emplace_back();
      i = end;
    }
  }
  if (result.slots.size() > kMaxSlotsOfTemplate) {
    throw Error(place, "a template with " + std::to_string(result.slots.size()) +
                           " slots; at most 64 are allowed");
  }
  return result;
}

void check_slot(const Slot& slot) {
  if (slot.values.empty()) {
    throw Error(slot.place, "slots." + slot.name + " is empty", "give it values or remove it");
  }
  std::unordered_map<std::string, int> count;
  for (const std::string& value : slot.values) {
    if (++count[value] > 1) {
      throw Error(slot.place, "slots." + slot.name + " holds '" + value + "' twice");
    }
  }
}

TemplateFile read_template_file(ConfigTree tree) {
  TemplateFile file;
  const std::vector<double> weights = take_weights(tree);
  const ConfigTree* slots = tree.find("slots");
  if (slots != nullptr) {
    if (slots->map.size() > kMaxSlots) throw Error(slots->place, "more than 1000 slots");
    for (const auto& [name, values] : slots->map) file.slots.push_back({name, values.place});
  }
  std::vector<std::string> templates, distinct;
  config::read_options(tree, [&](config::OptionVisitor& visitor) {
    visitor.field(config::option("templates", "a list of texts with {slots}").must_be_given(),
                  templates);
    visitor.section("slots", "The values of each slot.", [&] {
      for (Slot& slot : file.slots) visitor.field(config::option(slot.name, ""), slot.values);
    });
    visitor.field(config::option("distinct", "Slots that repeat no value in a prompt."), distinct);
    visitor.field(config::option("negative", "Negative text of all prompts."), file.negative);
  });
  for (const Slot& slot : file.slots) check_slot(slot);
  for (const std::string& name : distinct) {
    const std::string& place = tree.find("distinct")->place;
    file.slots[slot_named(name, file.slots, place, "distinct: '" + name + "'")].distinct = true;
  }
  const ConfigTree& entries = *tree.find("templates");
  if (templates.empty()) throw Error(entries.place, "templates is empty");
  for (std::size_t i = 0; i < templates.size(); ++i) {
    const std::string& place = entries.list.empty() ? entries.place : entries.list[i].place;
    file.templates.push_back(parse_template(trimmed(templates[i]), place, file.slots));
    file.templates.back().weight = weights[i];
  }
  for (const Slot& slot : file.slots) {
    if (!slot.used) {
      throw Error(slot.place, "no template uses " + in_braces(slot.name), "use it or remove it");
    }
  }
  return file;
}

// How many prompts a template makes; the greatest number when there are more.
std::uint64_t combinations(const Template& form, const std::vector<Slot>& slots) {
  std::uint64_t product = 1;
  for (std::size_t i = 0; i < form.slots.size(); ++i) {
    const Slot& slot = slots[form.slots[i]];
    std::uint64_t choices = slot.values.size();
    if (slot.distinct) {
      const auto here = form.slots.begin() + static_cast<std::ptrdiff_t>(i);
      const auto uses = std::count(form.slots.begin(), form.slots.end(), form.slots[i]);
      if (static_cast<std::uint64_t>(uses) > choices) {
        throw Error(form.place, "the template uses " + in_braces(slot.name) + " " +
                                    std::to_string(uses) + " times, and it has only " +
                                    std::to_string(choices) + " distinct values");
      }
      choices -= static_cast<std::uint64_t>(std::count(form.slots.begin(), here, form.slots[i]));
    }
    const auto most = std::numeric_limits<std::uint64_t>::max();
    product = product > most / choices ? most : product * choices;
  }
  return product;
}

void check_count(const TemplateFile& file, const std::string& where) {
  std::uint64_t total = 0;
  bool countable = true;
  for (const Template& form : file.templates) {
    const std::uint64_t count = combinations(form, file.slots);
    const auto most = std::numeric_limits<std::uint64_t>::max();
    countable = countable && count < most - total;
    total = countable ? total + count : most;
  }
  if (total > kMaxPrompts) {
    throw Error(where,
                "the templates make " +
                    (countable ? std::to_string(total) : "more than " + std::to_string(total)) +
                    " prompts; at most " + std::to_string(kMaxPrompts) + " are allowed",
                "take values from the slots, or write a sample of the prompts to a .txt file");
  }
}

class Expander {
 public:
  explicit Expander(const TemplateFile& file) : file_(file) {}

  std::vector<Prompt> expand() {
    for (const Template& form : file_.templates) choose(form);
    return std::move(prompts_);
  }

 private:
  // Goes through the values of the next slot; the last one turns fastest.
  void choose(const Template& form) {
    const std::size_t depth = chosen_.size();
    if (depth == form.slots.size()) return add(form);
    const Slot& slot = file_.slots[form.slots[depth]];
    for (std::size_t value = 0; value < slot.values.size(); ++value) {
      if (slot.distinct && is_taken(form, value)) continue;
      chosen_.push_back(value);
      choose(form);
      chosen_.pop_back();
    }
  }

  bool is_taken(const Template& form, std::size_t value) const {
    for (std::size_t i = 0; i < chosen_.size(); ++i) {
      if (form.slots[i] == form.slots[chosen_.size()] && chosen_[i] == value) return true;
    }
    return false;
  }

  void add(const Template& form) {
    std::string text = form.literals[0];
    nlohmann::json metadata = nlohmann::json::object();
    for (std::size_t i = 0; i < chosen_.size(); ++i) {
      const Slot& slot = file_.slots[form.slots[i]];
      text += slot.values[chosen_[i]] + form.literals[i + 1];
      metadata[slot.name].push_back(slot.values[chosen_[i]]);
    }
    bytes_ += text.size() + chosen_.size() * kBytesOfSlotValue;
    if (bytes_ > kMaxBytes) throw Error(form.place, "the prompts need more than 1 GiB of memory");
    const auto [first, is_new] = source_.emplace(text, &form);
    if (!is_new) {
      throw Error(form.place, "the prompt '" + text + "' comes out twice",
                  "first from the template at " + first->second->place);
    }
    prompts_.push_back(make_prompt(std::move(text), file_.negative, std::move(metadata)));
    prompts_.back().weight = form.weight;
  }

  const TemplateFile& file_;
  std::vector<std::size_t> chosen_;  // a value for each of the first slots of a template
  std::vector<Prompt> prompts_;
  std::unordered_map<std::string, const Template*> source_;  // of each text
  std::size_t bytes_ = 0;
};

}  // namespace

std::vector<Prompt> expand_templates(const std::string& yaml, const std::filesystem::path& file) {
  const TemplateFile parsed = read_template_file(parse(yaml, file));
  check_count(parsed, file.string());
  return Expander(parsed).expand();
}

}  // namespace loopline::io
