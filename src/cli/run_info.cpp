#include "run_info.h"

#include <ctime>
#include <fstream>
#include <iterator>
#include <vector>

#include "loopline/tensor/device.h"

namespace loopline::cli {

namespace {

std::vector<std::string> command_line() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin < bytes.size();) {
    const std::size_t end = bytes.find('\0', begin);
    words.push_back(bytes.substr(begin, end - begin));
    begin = end == std::string::npos ? bytes.size() : end + 1;
  }
  return words;
}

}  // namespace

std::string shown_command() {
  std::string text = "loopline";
  const std::vector<std::string> words = command_line();
  for (std::size_t i = 1; i < words.size(); ++i) {
    const bool quoted = words[i].find_first_of(" \t\"'$&|;<>()*?[]{}#~") != std::string::npos;
    text += quoted ? " '" + words[i] + "'" : " " + words[i];
  }
  return text;
}

std::filesystem::path default_run_directory(const std::string& config) {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &local);
  return std::filesystem::path("runs") /
         (std::filesystem::path(config).stem().string() + "-" + stamp);
}

nlohmann::json run_info(const std::string& command) {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char started[32];
  std::strftime(started, sizeof started, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return {{"format", "loopline-run"},
          {"version", 1},
          {"command", command},
          {"command_line", command_line()},
          {"started", started},
          {"loopline", LOOPLINE_VERSION},
          {"torch", tensor::torch_version()},
          {"compiler", __VERSION__},
          {"cuda_devices", tensor::cuda_device_count()}};
}

}  // namespace loopline::cli
