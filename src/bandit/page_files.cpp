#include <system_error>

#include "loopline/bandit/page.h"
#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/io/json.h"

namespace loopline::bandit {
namespace {

namespace fs = std::filesystem;

constexpr const char* kReportJson = "report.json";

/// The "format" of a report.json; "" of a file that is none.
std::string kind_of(const fs::path& file) {
  try {
    const nlohmann::json json = io::parse_json(read_file(file), file.string());
    return json.is_object() ? json.value("format", "") : "";
  } catch (const std::exception&) {
    return "";
  }
}

}  // namespace

ReportFiles::ReportFiles(fs::path directory, std::string kind)
    : directory_(std::move(directory)), kind_(std::move(kind)) {
  const std::string where = directory_.string();
  const char* advice = "choose another directory";
  std::error_code ignored;
  if (fs::exists(directory_, ignored) && !fs::is_directory(directory_, ignored)) {
    throw Error(where, "is no directory", advice);
  }
  const fs::path json = directory_ / kReportJson;
  const bool has_report = fs::exists(json, ignored) || fs::exists(page(), ignored);
  if (has_report && kind_of(json) != kind_) throw Error(where, "has another report", advice);
}

void ReportFiles::write(const std::string& page_text, const nlohmann::ordered_json& result,
                        const std::string& command) const {
  nlohmann::ordered_json report = {{"format", kind_}, {"version", 1}, {"command", command}};
  report.update(result);
  make_directories(directory_);
  write_file_atomically(directory_ / kReportJson, report.dump(2) + "\n");
  write_file_atomically(page(), page_text);
}

}  // namespace loopline::bandit
