#include "loopline/core/interrupt.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>

namespace loopline {
namespace {

/// Exits with what a command would exit with after `signal_number`, or 1 when it went unnoticed.
[[noreturn]] void exit_after(int signal_number) {
  install_interrupt_handlers();
  const bool before = interrupted();
  ::raise(signal_number);
  std::exit(!before && interrupted() ? interrupt_exit_code() : 1);
}

[[noreturn]] void exit_after_two(int first, int second) {
  install_interrupt_handlers();
  ::raise(first);
  ::raise(second);
  std::exit(1);
}

TEST(Interrupt, NothingIsAskedAtTheStart) {
  EXPECT_FALSE(interrupted());
  EXPECT_EQ(interrupt_exit_code(), 0);
}

TEST(InterruptDeathTest, FirstSignalAsksForAnOrderlyStop) {
  EXPECT_EXIT(exit_after(SIGINT), testing::ExitedWithCode(130), "");
  EXPECT_EXIT(exit_after(SIGTERM), testing::ExitedWithCode(143), "");
}

TEST(InterruptDeathTest, SecondSignalEndsTheProcessAtOnce) {
  EXPECT_EXIT(exit_after_two(SIGINT, SIGINT), testing::ExitedWithCode(130), "");
  EXPECT_EXIT(exit_after_two(SIGINT, SIGTERM), testing::ExitedWithCode(143), "");
}

TEST(InterruptDeathTest, SignalIgnoredByTheShellIsHeardAllTheSame) {
  EXPECT_EXIT((::signal(SIGINT, SIG_IGN), exit_after(SIGINT)), testing::ExitedWithCode(130), "");
}

}  // namespace
}  // namespace loopline
