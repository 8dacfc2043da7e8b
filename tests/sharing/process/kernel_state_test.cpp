#include "millrace/sharing/process/kernel_state.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>

namespace millrace::kernel_state_test {
namespace {

TEST(KernelState, IsWhatProcSays) {
  const auto text = [](char letter, const char* channel, const std::string& call) {
    return detail::kernel_state(letter, channel, call).text;
  };
  const std::string read = std::to_string(SYS_read) + " 0x0 0x1";
  EXPECT_EQ(text('T', "do_signal_stop", read), "stopped");
  EXPECT_EQ(text('t', "ptrace_stop", read), "stopped");
  EXPECT_EQ(text('R', "0", "running"), "running");
  EXPECT_EQ(text('Z', "0", ""), "ended");
  EXPECT_EQ(text('S', "futex_wait_queue", read), "waits in futex_wait_queue");
  EXPECT_EQ(text('S', "0", read), "sleeps in the system call read");
  EXPECT_EQ(text('D', "", read), "waits in the system call read");
  EXPECT_EQ(text('S', "0", "9999 0x0"), "sleeps in the system call 9999");
  EXPECT_EQ(text('D', "0", "-1 0x0 0x0"), "waits outside of a system call");
  EXPECT_EQ(text('S', "0", ""), "sleeps") << "which another user's may not be read";
}

TEST(KernelState, TellsWhoCannotGoOn) {
  EXPECT_TRUE(detail::kernel_state('T', "0", "").is_stuck);
  EXPECT_TRUE(detail::kernel_state('D', "nfs_wait_bit_killable", "").is_stuck);
  EXPECT_FALSE(detail::kernel_state('S', "0", "").is_stuck);
  EXPECT_FALSE(detail::kernel_state('R', "0", "").is_stuck);
}

TEST(KernelState, IsThatOfTheProcess) {
  EXPECT_EQ(kernel_state(::getpid()).text, "running");
  EXPECT_EQ(kernel_state(0).text, "") << "there is none";
  EXPECT_EQ(process_and_state(::getpid()), "process " + std::to_string(::getpid()) + " (running)");
  EXPECT_EQ(process_and_state(0), "process 0");
}

}  // namespace
}  // namespace millrace::kernel_state_test
