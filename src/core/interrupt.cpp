#include "loopline/core/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>

namespace loopline {

namespace {

std::atomic<int> first_signal{0};
static_assert(std::atomic<int>::is_always_lock_free, "the handler may not take a lock");

extern "C" void handle_interrupt(int signal_number) {
  int nothing = 0;
  if (!first_signal.compare_exchange_strong(nothing, signal_number)) {
    _exit(128 + signal_number);
  }
}

}  // namespace

void install_interrupt_handlers() {
  struct sigaction action = {};
  action.sa_handler = handle_interrupt;
  action.sa_flags = SA_RESTART;  // file I/O in progress is not to fail with EINTR
  sigemptyset(&action.sa_mask);
  // Also where the shell had SIGINT ignored (a script's background job): a signal that somebody
  // sends to a training is meant.
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() { return first_signal.load(std::memory_order_relaxed) != 0; }

int interrupt_exit_code() {
  const int signal_number = first_signal.load(std::memory_order_relaxed);
  return signal_number == 0 ? 0 : 128 + signal_number;
}

}  // namespace loopline
