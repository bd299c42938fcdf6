#pragma once

#include <functional>
#include <string>
#include <vector>

#include "loopline/config/config_tree.h"
#include "loopline/config/options.h"

namespace loopline::config {

using Describe = std::function<void(OptionVisitor&)>;

/// Fills the described fields from `tree`. Absent keys keep the value that the field has (its
/// default). An unknown key, a wrong type, a value out of range or not among the choices, and a
/// missing required key are Errors with place, dotted path, the allowed values and the nearest
/// name. Path options become absolute. A list may be given as
/// its only value.
void read_options(const ConfigTree& tree, const Describe& describe);

/// The described fields as commented YAML (help above each key, legal values beside it). Reading
/// the text back gives the same values bit for bit (doubles round-trip). Unset optionals are
/// `null`.
std::string write_options(const Describe& describe, bool with_comments = true);

/// A Markdown reference: one table a section: option, type, default, allowed, help.
std::string document_options(const Describe& describe);

/// One difference between two described values: dotted path and both as YAML text.
struct OptionDifference {
  std::string path;
  std::string before;
  std::string after;
  bool may_change_on_resume = false;
};
std::vector<OptionDifference> compare_options(const Describe& before, const Describe& after);

/// Dotted paths of the options that may change on resume, in their order; a section all of whose
/// options may is named alone.
std::vector<std::string> resumable_options(const Describe& describe);

}  // namespace loopline::config
