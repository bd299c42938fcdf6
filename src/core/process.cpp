#include "loopline/core/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "loopline/core/error.h"

namespace loopline {
namespace {

/// One end of a stream; it closes itself.
class StreamEnd {
 public:
  explicit StreamEnd(int number = -1) : number_(number) {}
  StreamEnd(StreamEnd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  StreamEnd& operator=(StreamEnd&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~StreamEnd() { reset(); }
  void reset() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }
  int get() const { return number_; }
  bool open() const { return number_ >= 0; }

 private:
  int number_;
};

struct Pipe {
  StreamEnd read, write;
};

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw failure("pipe", std::strerror(errno));
  return {StreamEnd(ends[0]), StreamEnd(ends[1])};
}

/// What exec wants, made before the fork: nothing may be allocated after it.
std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> merged_environment(const std::vector<std::string>& changes) {
  std::vector<std::string> merged = changes;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::string name = text.substr(0, text.find('=') + 1);
    bool changed = false;
    for (const std::string& change : changes) changed = changed || change.starts_with(name);
    if (!changed) merged.push_back(text);
  }
  return merged;
}

int exit_code(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int wait_for(int id) {
  int status = 0;
  while (::waitpid(id, &status, 0) < 0 && errno == EINTR) {
  }
  return exit_code(status);
}

constexpr int kCannotStart = 127;

/// fork and exec with three standard streams.
int spawn(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
          int input, int output, int error, bool own_group) {
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<std::string> texts = merged_environment(environment);
  const std::vector<char*> envp = pointers(texts);
  const int parent = ::getpid();
  const int id = ::fork();
  if (id < 0)
    throw failure(arguments.front(), std::string("cannot start: ") + std::strerror(errno));
  if (id > 0) return id;
  if (own_group) ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(kCannotStart);  // it died before the line above
  ::dup2(input, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(error, STDERR_FILENO);
  ::execvpe(argv[0], argv.data(), envp.data());
  ::_exit(kCannotStart);
}

/// Feeds and drains at once: a program may answer before it has read everything.
void exchange(Pipe& input, const std::string& text, Pipe& output, std::string& printed, Pipe& error,
              std::string& complained) {
  std::size_t written = 0;
  if (text.empty()) input.write.reset();
  while (output.read.open() || error.read.open()) {
    std::array<pollfd, 3> ready{{{output.read.get(), POLLIN, 0},
                                 {error.read.get(), POLLIN, 0},
                                 {input.write.get(), POLLOUT, 0}}};
    if (::poll(ready.data(), ready.size(), -1) < 0 && errno != EINTR) break;
    const auto drain = [](const pollfd& entry, StreamEnd& from, std::string& to) {
      if (entry.revents == 0) return;
      std::array<char, 65536> buffer;
      const ssize_t count = ::read(from.get(), buffer.data(), buffer.size());
      if (count > 0) to.append(buffer.data(), static_cast<std::size_t>(count));
      if (count == 0 || (count < 0 && errno != EINTR)) from.reset();
    };
    drain(ready[0], output.read, printed);
    drain(ready[1], error.read, complained);
    if (ready[2].revents == 0) continue;
    const ssize_t count = ::write(input.write.get(), text.data() + written, text.size() - written);
    if (count > 0) written += static_cast<std::size_t>(count);
    if (written == text.size() || (count < 0 && errno != EINTR && errno != EAGAIN)) {
      input.write.reset();
    }
  }
}

}  // namespace

Process Process::start(const std::vector<std::string>& arguments, const std::filesystem::path& log,
                       const std::vector<std::string>& environment) {
  LOOPLINE_CHECK(!arguments.empty(), "a process is a program");
  const StreamEnd input(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const StreamEnd output(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (!output.open()) throw failure(log.string(), std::strerror(errno));
  return Process(
      spawn(arguments, environment, input.get(), output.get(), output.get(), /*own_group=*/true));
}

Process::Process(Process&& other) noexcept
    : id_(std::exchange(other.id_, -1)), code_(std::exchange(other.code_, std::nullopt)) {}

Process& Process::operator=(Process&& other) noexcept {
  std::swap(id_, other.id_);
  std::swap(code_, other.code_);
  return *this;
}

Process::~Process() {
  if (id_ < 0 || code_) return;
  ::kill(id_, SIGKILL);
  wait_for(id_);
}

std::optional<int> Process::poll() {
  int status = 0;
  if (!code_ && ::waitpid(id_, &status, WNOHANG) == id_) code_ = exit_code(status);
  return code_;
}

void Process::stop() {
  if (!poll()) ::kill(id_, SIGTERM);
}

std::string run_program(const std::vector<std::string>& arguments, const std::string& input) {
  LOOPLINE_CHECK(!arguments.empty(), "a process is a program");
  Pipe in = make_pipe(), out = make_pipe(), error = make_pipe();
  ::fcntl(in.write.get(), F_SETFL, O_NONBLOCK);
  struct sigaction ignore {
  }, before{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &before);  // a program may end before it has read everything
  const int id = spawn(arguments, {}, in.read.get(), out.write.get(), error.write.get(), false);
  in.read.reset();
  out.write.reset();
  error.write.reset();
  std::string printed, complained;
  exchange(in, input, out, printed, error, complained);
  const int code = wait_for(id);
  ::sigaction(SIGPIPE, &before, nullptr);
  if (code == kCannotStart && complained.empty()) {
    throw failure(arguments.front(), "is not installed, or cannot be started");
  }
  if (code != 0) {
    throw failure(arguments.front(),
                  "ended with exit code " + std::to_string(code) + ": " + last_line(complained));
  }
  return printed;
}

std::string last_line(const std::string& output) {
  const std::string whole = output.substr(0, output.find_last_not_of(" \n\r\t") + 1);
  return whole.substr(whole.find_last_of("\n\r") + 1);
}

bool has_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string folders = path != nullptr ? path : "";
  for (std::size_t begin = 0; begin <= folders.size();) {
    const std::size_t end = std::min(folders.find(':', begin), folders.size());
    const std::filesystem::path file =
        std::filesystem::path(folders.substr(begin, end - begin)) / name;
    if (::access(file.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(file)) return true;
    begin = end + 1;
  }
  return false;
}

}  // namespace loopline
