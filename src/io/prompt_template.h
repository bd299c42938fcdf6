#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "loopline/io/prompt.h"

namespace loopline::io {

/// The prompts of a YAML file of templates (see read_prompts); `file` is for messages.
std::vector<Prompt> expand_templates(const std::string& yaml, const std::filesystem::path& file);

}  // namespace loopline::io
