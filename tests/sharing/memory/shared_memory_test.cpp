// CPython's test_multiprocessing: _TestSharedMemory.
#include "millrace/sharing/memory/shared_memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <string>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/os/syscall.h"
#include "millrace/sharing/process/process.h"
#include "millrace/tests/support/process_probe.h"
#include "millrace/tests/support/start_methods.h"

namespace millrace::shared_memory_test {
namespace {

using multiprocessing::SharedMemory;

std::string unique_name() { return "millrace_test_" + std::to_string(::getpid()); }

TEST(SharedMemory, IsFoundByItsNameUntilThatIsTakenAway) {
  const auto before = test::open_descriptors();
  const auto made = SharedMemory::create(100, unique_name());
  EXPECT_EQ(made.size(), 100u);
  EXPECT_EQ(made.buf()[99], std::byte{0});
  made.buf()[3] = std::byte{7};
  auto found = SharedMemory::open(made.name());
  EXPECT_EQ(found.size(), 100u);
  EXPECT_EQ(found.buf()[3], std::byte{7});
  EXPECT_EQ(test::open_descriptors(), before);
  try {
    (void)SharedMemory::create(100, unique_name());
    ADD_FAILURE() << "a second one of that name";
  } catch (const SyscallError& e) {
    EXPECT_EQ(e.code().value(), EEXIST);
  }
  made.unlink();
  EXPECT_EQ(found.buf()[3], std::byte{7}) << "those who have it keep it";
  EXPECT_THROW((void)SharedMemory::open(unique_name()), SyscallError);
  EXPECT_THROW(made.unlink(), SyscallError);
  found.close();
  EXPECT_EQ(found.size(), 0u);
}

class SharedMemoryProcesses : public testing::TestWithParam<StartMethod> {};
INSTANTIATE_TEST_SUITE_P(, SharedMemoryProcesses, test::every_start_method(), test::start_method_name);

// test_shared_memory_across_processes
TEST_P(SharedMemoryProcesses, FindItByItsNameAndLeaveItThere) {
  const auto made = SharedMemory::create(8, unique_name());
  made.buf()[0] = std::byte{3};
  multiprocessing::Process process(
      GetParam(),
      +[](const std::string& name, const SharedMemory& sent) {
        const auto found = SharedMemory::open(name);
        found.buf()[1] = found.buf()[0];
        sent.buf()[2] = found.buf()[1];
      },
      made.name(), made);
  process.start();
  EXPECT_TRUE(process.join(test::kLong));
  EXPECT_EQ(process.exitcode(), 0);
  EXPECT_EQ(made.buf()[1], std::byte{3});
  EXPECT_EQ(made.buf()[2], std::byte{3});
  EXPECT_NO_THROW((void)SharedMemory::open(made.name())) << "the end of a process that has it takes no name away";
  made.unlink();
}

TEST(SharedMemory, TravelsByItsName) {
  const auto made = SharedMemory::create(8);
  auto encoded = encode(made);
  EXPECT_TRUE(encoded.fds.empty());
  SharedMemory arrived;
  DecodeArchive(encoded.bytes, encoded.fds)(arrived);
  arrived.buf()[0] = std::byte{5};
  EXPECT_EQ(made.buf()[0], std::byte{5});
  arrived.unlink();
}

TEST(SharedMemory, RefusesNamesThatLeadElsewhereAndNoBytes) {
  for (const std::string& name : {std::string("../x"), std::string("/x"), std::string("a/b"), std::string("."),
                                  std::string(".."), std::string("a\0b", 3)}) {
    EXPECT_THROW((void)SharedMemory::create(1, name), std::invalid_argument) << name;
    EXPECT_THROW((void)SharedMemory::open(name), std::invalid_argument) << name;
  }
  EXPECT_THROW((void)SharedMemory::open(""), std::invalid_argument);
  EXPECT_THROW((void)SharedMemory::create(0, unique_name()), std::invalid_argument);
}

}  // namespace
}  // namespace millrace::shared_memory_test
