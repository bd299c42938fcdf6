#include <cstdio>

#include "commands.h"
#include "loopline/experiment/inspect.h"

namespace loopline::cli {
namespace {

struct Arguments {
  std::string path;
  bool json = false, all = false;
};

/// Long lists of parameters and tensors are cut unless asked for.
constexpr std::size_t kShown = 12;

/// One line of text for a value; nested objects are for --json.
std::string line_of(const nlohmann::ordered_json& value) {
  constexpr std::size_t kLongest = 80;
  if (value.is_string()) return value.get<std::string>();
  const std::string text = value.dump();
  return text.size() <= kLongest ? text
                                 : "(" + std::to_string(value.size()) + " entries, see --json)";
}

void print_list(const std::string& key, const nlohmann::ordered_json& list, bool all) {
  std::printf("%s (%zu)\n", key.c_str(), list.size());
  std::size_t shown = 0;
  for (const auto& item : list) {
    if (shown++ == kShown && !all) {
      std::printf("  ... %zu more; --all lists them\n", list.size() - kShown);
      return;
    }
    std::printf("  %c %-70s %-8s %s\n", item.value("trainable", false) ? '*' : ' ',
                item["name"].get<std::string>().c_str(), item["dtype"].get<std::string>().c_str(),
                item["shape"].dump().c_str());
  }
}

void print(const nlohmann::ordered_json& result, bool all) {
  for (const auto& [key, value] : result.items()) {
    const bool named = value.is_array() && !value.empty() && value.front().is_object();
    if (named) {
      print_list(key, value, all);
    } else if (key == "device_constants") {
      for (const auto& line : value) {
        std::printf("device constants: %s\n", line.get<std::string>().c_str());
      }
    } else if (value.is_object() && !value.empty()) {
      std::printf("%s\n", key.c_str());
      for (const auto& [name, field] : value.items()) {
        std::printf("  %s: %s\n", name.c_str(), line_of(field).c_str());
      }
    } else {
      std::printf("%s: %s\n", key.c_str(), line_of(value).c_str());
    }
  }
}

}  // namespace

void add_inspect(CLI::App& app, int&) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "inspect", "What a bundle, reward, run, checkpoint, safetensors or TorchScript file holds");
  command->add_option("path", arguments->path)->required();
  command->add_flag("--all", arguments->all, "List every parameter (* is trained by default)");
  command->add_flag("--json", arguments->json, "Print JSON");
  command->footer(examples(
      {"loopline inspect models/emoji", "loopline inspect runs/ppo/checkpoints/00000040 --json"}));
  command->callback([arguments] {
    const auto result = experiment::inspect(arguments->path);
    if (arguments->json) {
      std::printf("%s\n", result.dump(2).c_str());
    } else {
      print(result, arguments->all);
    }
  });
}

}  // namespace loopline::cli
