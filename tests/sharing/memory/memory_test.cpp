#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

#include "millrace/sharing/memory/arena.h"
#include "millrace/sharing/memory/probe.h"
#include "millrace/sharing/memory/segment.h"
#include "millrace/sharing/os/limits.h"
#include "millrace/sharing/os/memfd.h"
#include "millrace/sharing/os/poll.h"
#include "millrace/sharing/process/child.h"
#include "millrace/tests/support/process_probe.h"
#include "millrace/tests/support/start_methods.h"

namespace millrace {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr size_t kGiB = size_t{1} << 30;

// A directory that stands in for "/": only what the probe reads is in it.
class FakeRoot {
 public:
  FakeRoot() {
    std::string name = testing::TempDir() + "millrace_probe_XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~FakeRoot() { std::filesystem::remove_all(path_); }

  FakeRoot& write(const std::string& file, const std::string& text) {
    const auto path = path_ / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return *this;
  }

  FakeRoot& mem_available(size_t kib) {
    return write("proc/meminfo",
                 "MemTotal: 99999999 kB\nMemFree: 1 kB\nMemAvailable:   " + std::to_string(kib) + " kB\n");
  }

  std::string path() const { return path_; }

 private:
  std::filesystem::path path_;
};

TEST(MemoryRoom, IsMemAvailableWithoutCgroups) {
  FakeRoot root;
  root.mem_available(1024);
  const auto room = memory_room(root.path());
  ASSERT_TRUE(room);
  EXPECT_EQ(room->bytes, 1024u * 1024);
  EXPECT_EQ(room->limited_by, "MemAvailable");
}

TEST(MemoryRoom, IsUnknownWhereNothingCanBeRead) { EXPECT_FALSE(memory_room(FakeRoot().path())); }

TEST(MemoryRoom, IsTheSmallestLimitOnTheWayUpACgroupTree) {
  FakeRoot root;
  root.mem_available(8 << 20)
      .write("proc/self/cgroup", "0::/outer/inner\n")
      .write("sys/fs/cgroup/outer/memory.max", "3000\n")
      .write("sys/fs/cgroup/outer/memory.current", "1000\n")
      .write("sys/fs/cgroup/outer/inner/memory.max", "5000\n")
      .write("sys/fs/cgroup/outer/inner/memory.current", "500\n");
  const auto room = memory_room(root.path());
  ASSERT_TRUE(room);
  EXPECT_EQ(room->bytes, 2000u);
  EXPECT_THAT(room->limited_by, HasSubstr("/sys/fs/cgroup/outer/memory.max"));
}

TEST(MemoryRoom, CountsCacheThatTheKernelWouldDropAsRoom) {
  FakeRoot root;
  root.mem_available(8 << 20)
      .write("proc/self/cgroup", "0::/\n")
      .write("sys/fs/cgroup/memory.max", "3000\n")
      .write("sys/fs/cgroup/memory.current", "2900\n")
      .write("sys/fs/cgroup/memory.stat", "anon 100\ninactive_file 2000\nactive_file 1\n");
  EXPECT_EQ(memory_room(root.path())->bytes, 3000u - 900u);
}

TEST(MemoryRoom, IsNothingWhereTheLimitIsPassed) {
  FakeRoot root;
  root.write("proc/self/cgroup", "0::/a\n")
      .write("sys/fs/cgroup/a/memory.max", "3000\n")
      .write("sys/fs/cgroup/a/memory.current", "4000\n")
      .write("sys/fs/cgroup/a/memory.stat", "inactive_file 9000\n")
      .write("sys/fs/cgroup/memory.max", "100\n")
      .write("sys/fs/cgroup/memory.current", "400\n");
  EXPECT_EQ(memory_room(root.path())->bytes, 0u);
}

TEST(MemoryRoom, IgnoresALimitOfMax) {
  FakeRoot root;
  root.mem_available(1024)
      .write("proc/self/cgroup", "0::/a\n")
      .write("sys/fs/cgroup/a/memory.max", "max\n")
      .write("sys/fs/cgroup/a/memory.current", "1000\n");
  EXPECT_EQ(memory_room(root.path())->limited_by, "MemAvailable");
}

TEST(MemoryRoom, ReadsVersionOneOfCgroups) {
  FakeRoot root;
  root.mem_available(8 << 20)
      .write("proc/self/cgroup", "12:cpu,cpuacct:/elsewhere\n5:memory:/docker/abc\n1:name=systemd:/x\n")
      .write("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "10000\n")
      .write("sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes", "4000\n")
      .write("sys/fs/cgroup/memory/docker/abc/memory.stat", "total_inactive_file 1000\n");
  const auto room = memory_room(root.path());
  EXPECT_EQ(room->bytes, 7000u);
  EXPECT_THAT(room->limited_by, HasSubstr("memory.limit_in_bytes"));
}

TEST(MemoryRoom, FindsTheMountOfAContainerWhosePathLeadsOutside) {
  FakeRoot root;
  root.mem_available(8 << 20)
      .write("proc/self/cgroup", "5:memory:/docker/not/visible/here\n")
      .write("sys/fs/cgroup/memory/memory.limit_in_bytes", "10000\n")
      .write("sys/fs/cgroup/memory/memory.usage_in_bytes", "4000\n");
  EXPECT_EQ(memory_room(root.path())->bytes, 6000u);
}

TEST(MemoryRoom, SkipsWhatIsNoCgroupLine) {
  FakeRoot root;
  root.mem_available(1024).write("proc/self/cgroup", "\nnonsense\n0:\n0::\n0::relative\n0::/a/\n");
  EXPECT_EQ(memory_room(root.path())->limited_by, "MemAvailable");
}

TEST(LimitOfPids, IsTheSmallestOnTheWayUpACgroupTreeInBothVersions) {
  FakeRoot unified;
  unified.write("proc/self/cgroup", "0::/outer/inner\n")
      .write("sys/fs/cgroup/outer/pids.max", "300\n")
      .write("sys/fs/cgroup/outer/inner/pids.max", "max\n");
  EXPECT_EQ(limit_of_pids(unified.path()), 300U);
  FakeRoot first_version;
  first_version.write("proc/self/cgroup", "5:pids:/docker/abc\n").write("sys/fs/cgroup/pids/pids.max", "200\n");
  EXPECT_EQ(limit_of_pids(first_version.path()), 200U);
  EXPECT_EQ(limit_of_pids(FakeRoot().path()), std::nullopt);
}

TEST(SharedSegment, BeyondTheLimitThrowsBeforeAPageIsTouched) {
  const auto room = memory_room();
  ASSERT_TRUE(room);
  const size_t before = room->bytes;
  const size_t asked = before + 10 * kGiB;
  try {
    SharedSegment::create("arena of the loader", asked, "lower prefetch or batch_size");
    FAIL() << asked << " bytes were allocated";
  } catch (const OutOfSharedMemory& e) {
    EXPECT_EQ(e.needed(), asked);
    EXPECT_LE(e.available(), before * 2);
    EXPECT_THAT(e.what(), AllOf(HasSubstr("arena of the loader"), HasSubstr("MiB"), HasSubstr("limited by "),
                                HasSubstr("lower prefetch or batch_size")));
  }
  // Of gigabytes, not a page: other programs move this figure by megabytes.
  EXPECT_GT(memory_room()->bytes + kGiB, before);
}

TEST(SharedSegment, IsZeroAtFirst) {
  const auto segment = SharedSegment::create("zero", 4'097, "nothing");
  const MappedSegment mapped(segment, Access::kRead);
  EXPECT_EQ(mapped.size(), 4'097u);
  EXPECT_TRUE(std::all_of(mapped.data(), mapped.data() + mapped.size(), [](std::byte b) { return b == std::byte{0}; }));
}

TEST(MappedSegment, OutlivesItsSegment) {
  auto segment = SharedSegment::create("short-lived", 100, "nothing");
  const MappedSegment mapped(segment, Access::kReadWrite);
  segment = SharedSegment();
  mapped.data()[99] = std::byte{7};
  EXPECT_EQ(mapped.data()[99], std::byte{7});
}

TEST(MappedSegment, MovesWithoutMovingTheMemory) {
  const auto segment = SharedSegment::create("moved", 100, "nothing");
  MappedSegment first(segment, Access::kReadWrite);
  std::byte* address = first.data();
  MappedSegment second = std::move(first);
  EXPECT_EQ(second.data(), address);
  EXPECT_EQ(first.size(), 0u);  // NOLINT(bugprone-use-after-move): that it is empty is the promise.
  MappedSegment third;
  third = std::move(second);
  EXPECT_EQ(third.data(), address);
}

TEST(MappedSegment, OfNothingIsEmpty) {
  const auto segment = SharedSegment::create("empty", 0, "nothing");
  EXPECT_EQ(MappedSegment(segment, Access::kRead).size(), 0u);
}

TEST(SharedSegment, AdoptRefusesWhatIsNotSealed) {
  EXPECT_THROW(SharedSegment::adopt(OwnedFd(::dup(STDOUT_FILENO))), std::runtime_error);
}

class SegmentInChild : public testing::TestWithParam<StartMethod> {};
INSTANTIATE_TEST_SUITE_P(, SegmentInChild, test::every_start_method(), test::start_method_name);

TEST_P(SegmentInChild, IsTheSameMemory) {
  const auto segment = SharedSegment::create("seen by a child", 1'000'000, "nothing");
  const MappedSegment mapped(segment, Access::kReadWrite);
  mapped.data()[999'999] = std::byte{41};
  const auto entry = [](std::span<const std::byte>, std::vector<OwnedFd> fds) {
    const MappedSegment memory(SharedSegment::adopt(std::move(fds.at(0))), Access::kReadWrite);
    if (memory.data()[999'999] != std::byte{41}) return 1;
    memory.data()[0] = std::byte{42};
    return 0;
  };
  auto child = start_child(GetParam(), {entry, {}, {segment.fd()}, "segment"});
  EXPECT_EQ(child.wait(test::kLong).value().exitcode(), 0);
  EXPECT_EQ(mapped.data()[0], std::byte{42});
}

TEST(Arena, ChildThatIsForkedGivesNothingBackAndWakesNobody) {
  auto arena = std::make_shared<Arena>(2, 4096, "nothing");
  int unmappings = 0;
  arena->before_unmapping([&] {
    ++unmappings;
    return true;
  });
  auto lease = std::make_unique<Lease>(arena, 1);
  arena->start_waiting();
  const pid_t child = ::fork();
  if (child == 0) {
    lease.reset();
    arena.reset();
    ::_exit(unmappings);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << "what is done before unmapping is the loader's to do";
  EXPECT_FALSE(poll_readable(arena->returned().fd(), std::chrono::nanoseconds(0)));
  std::vector<size_t> returned;
  arena->take_returned(returned);
  EXPECT_TRUE(returned.empty());
  lease.reset();
  EXPECT_TRUE(poll_readable(arena->returned().fd(), std::chrono::nanoseconds(0)));
}

TEST(SharedSegment, LeavesNoName) {
  const auto before = test::shared_memory_names();
  const auto segment = SharedSegment::create("nameless", 4'096, "nothing");
  EXPECT_EQ(test::shared_memory_names(), before);
}

}  // namespace
}  // namespace millrace
