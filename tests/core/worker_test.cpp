#include "loopline/core/worker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

namespace loopline {
namespace {

TEST(Worker, RunsJobsInTheirOrderInOneOtherThread) {
  std::vector<int> order;
  std::vector<std::thread::id> threads;
  Worker worker;
  for (int i = 0; i < 1000; ++i) {
    worker.push([&, i] {
      order.push_back(i);
      threads.push_back(std::this_thread::get_id());
    });
  }
  worker.finish();
  ASSERT_EQ(order.size(), 1000U);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
  }
  EXPECT_NE(threads.front(), std::this_thread::get_id());
  EXPECT_EQ(threads.front(), threads.back());
  EXPECT_GT(worker.busy_seconds(), 0);
}

TEST(Worker, WorksBesideItsCaller) {
  std::promise<void> from_caller, from_worker;
  Worker worker;
  worker.push([&] {
    from_worker.set_value();
    from_caller.get_future().wait();
  });
  from_worker.get_future().wait();  // it has begun, and cannot end before the next line
  from_caller.set_value();
  worker.finish();
}

TEST(Worker, WhatAJobThrowsComesOutAndNothingRunsAfterIt) {
  std::atomic<int> ran = 0;
  Worker worker;
  worker.push([] { throw std::runtime_error("broken"); });
  EXPECT_THROW(
      {
        for (;;) worker.push([&] { ++ran; });
      },
      std::runtime_error);
  EXPECT_THROW(worker.finish(), std::runtime_error);
  EXPECT_EQ(ran, 0);
}

TEST(Worker, AnAbandonedOneWaitsForTheJobInWorkAlone) {
  std::promise<void> begun, go_on;
  std::atomic<int> ran = 0;
  std::thread later;
  {
    Worker worker;
    worker.push([&] {
      begun.set_value();
      go_on.get_future().wait();
      ++ran;
    });
    begun.get_future().wait();
    for (int i = 0; i < 3; ++i) {
      worker.push([&] { ran += 100; });
    }
    later = std::thread([&] { go_on.set_value(); });
  }
  later.join();
  EXPECT_EQ(ran % 100, 1) << "the job in work is waited for";
}

}  // namespace
}  // namespace loopline
