// What the kernel's files say, written by the tests, and what `millrace doctor` makes of it.
#include "millrace/apps/millrace/front/host_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <string>
#include <vector>

#include "millrace/tests/support/directory.h"

namespace millrace::host_checks_test {
namespace {

using namespace apps;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

Check named(const std::vector<Check>& checks, const std::string& name) {
  for (const Check& check : checks)
    if (check.name == name) return check;
  ADD_FAILURE() << "no check " << name;
  return {};
}

bool has(const std::vector<Check>& checks, const std::string& name) {
  for (const Check& check : checks)
    if (check.name == name) return true;
  return false;
}

constexpr const char* kGroup = "sys/fs/cgroup/";

TEST(HostChecks, SayHowManyWorkersAQuotaPaysFor) {
  const test::Directory root;
  root.write("proc/self/cgroup", "0::/\n");
  root.write(std::string(kGroup) + "cpu.max", "50000 100000\n");
  const Check cores = named(check_cpu(root.path()), "cores");
  EXPECT_EQ(cores.verdict, Verdict::kLimited);
  EXPECT_THAT(cores.text, HasSubstr("of which the cgroup allows 0.5"));
  EXPECT_THAT(cores.cure, AllOf(HasSubstr("loader.num_workers to 1"), HasSubstr("docker run --cpus=")));
}

TEST(HostChecks, SeeThatProcessesWereStopped) {
  const test::Directory root;
  root.write("proc/self/cgroup", "0::/\n");
  root.write(std::string(kGroup) + "cpu.stat", "usage_usec 1\nnr_periods 1000\nnr_throttled 300\n");
  const Check stopped = named(check_cpu(root.path()), "cpu quota");
  EXPECT_EQ(stopped.verdict, Verdict::kLimited);
  EXPECT_THAT(stopped.text, HasSubstr("30 % of 1000 periods"));
  EXPECT_THAT(stopped.cure, HasSubstr("fewer workers"));
  root.write(std::string(kGroup) + "cpu.stat", "usage_usec 1\nnr_periods 1000\nnr_throttled 3\n");
  EXPECT_EQ(named(check_cpu(root.path()), "cpu quota").verdict, Verdict::kOk);
  root.write(std::string(kGroup) + "cpu.stat", "usage_usec 1\nnr_periods 20\nnr_throttled 20\n");
  EXPECT_FALSE(has(check_cpu(root.path()), "cpu quota")) << "two seconds say nothing";
}

TEST(HostChecks, SayWhatMemoryTheContainerHas) {
  const test::Directory root;
  root.write("proc/self/cgroup", "0::/job\n");
  root.write("proc/meminfo", "MemAvailable: 8388608 kB\n");
  root.write(std::string(kGroup) + "job/memory.max", "536870912\n");
  root.write(std::string(kGroup) + "job/memory.current", "104857600\n");
  const auto checks = check_memory(root.path());
  EXPECT_THAT(named(checks, "memory").text, AllOf(HasSubstr("0.4 GiB left"), HasSubstr("memory.max")));
  EXPECT_EQ(named(checks, "memory").verdict, Verdict::kLimited);
  EXPECT_THAT(named(checks, "memory").cure, HasSubstr("docker run --memory"));
  EXPECT_EQ(named(checks, "memory limit").text, "0.5 GiB for the container (cgroup)");
  EXPECT_EQ(named(checks, "memory limit").verdict, Verdict::kOk);
}

TEST(HostChecks, TellOfProcessesThatTheLimitKilled) {
  const test::Directory root;
  root.write("proc/self/cgroup", "0::/\n");
  root.write(std::string(kGroup) + "memory.events", "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\n");
  const Check limit = named(check_memory(root.path()), "memory limit");
  EXPECT_EQ(limit.verdict, Verdict::kLimited);
  EXPECT_THAT(limit.text, HasSubstr("killed 2 processes"));
}

TEST(HostChecks, KnowVersionOneOfCgroups) {
  const test::Directory root;
  root.write("proc/self/cgroup", "4:memory:/a\n");
  root.write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "2147483648\n");
  root.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  root.write("sys/fs/cgroup/memory/a/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
  const Check limit = named(check_memory(root.path()), "memory limit");
  EXPECT_THAT(limit.text, AllOf(HasSubstr("2.0 GiB"), HasSubstr("killed 1 process ")));
}

TEST(HostChecks, SayHowHugePagesAreSwitchedOn) {
  const test::Directory root;
  const std::string folder = "sys/kernel/mm/transparent_hugepage/";
  root.write(folder + "shmem_enabled", "always within_size advise [never] deny force\n");
  root.write(folder + "enabled", "always madvise [never]\n");
  const auto checks = check_huge_pages(root.path());
  EXPECT_EQ(named(checks, "huge pages").verdict, Verdict::kLimited);
  EXPECT_THAT(
      named(checks, "huge pages").cure,
      AllOf(HasSubstr("echo advise > /sys/kernel/mm/transparent_hugepage/shmem_enabled"), HasSubstr("tmpfiles")));
  EXPECT_EQ(named(checks, "huge pages, private").verdict, Verdict::kLimited);
  root.write(folder + "shmem_enabled", "always within_size [advise] never deny force\n");
  root.write(folder + "enabled", "always [madvise] never\n");
  for (const Check& check : check_huge_pages(root.path())) {
    EXPECT_EQ(check.verdict, Verdict::kOk) << check.name;
    EXPECT_THAT(check.cure, IsEmpty());
  }
}

TEST(HostChecks, FindNoFilterWhereThereIsNone) {
  const test::Directory root;
  root.write("proc/self/status", "Name:\tx\nSeccomp:\t0\nSeccomp_filters:\t0\n");
  const Check check = named(check_seccomp(root.path()), "seccomp");
  EXPECT_EQ(check.verdict, Verdict::kOk);
  EXPECT_THAT(check.text, HasSubstr("no filter"));
}

// A filter that refuses a call, as container programs have that are older than the call.
void refuse(int call) {
  sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{4, rules};
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) ::_exit(77);
}

TEST(HostChecks, NameTheCallThatAFilterRefuses) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    refuse(SYS_pidfd_open);
    const Check check = check_seccomp("").front();
    const bool is_right =
        check.verdict == Verdict::kNotAvailable && check.needed &&
        check.text.find("a filter looks at each call; refused: pidfd_open (Operation not permitted)") !=
            check.text.npos &&
        check.cure.find("--security-opt seccomp=") != check.cure.npos;
    ::_exit(is_right ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "no filter can be set here";
  EXPECT_EQ(status, 0);
}

TEST(HostChecks, TellAGpuWithoutADriverFromNone) {
  const test::Directory root;
  EXPECT_EQ(named(check_gpu(root.path()), "GPU").verdict, Verdict::kOk);
  root.write("sys/bus/pci/devices/0000:00:02.0/vendor", "0x8086\n");
  root.write("sys/bus/pci/devices/0000:00:02.0/class", "0x030000\n");
  EXPECT_THAT(named(check_gpu(root.path()), "GPU").text, HasSubstr("none of NVIDIA's"));
  root.write("sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n");
  root.write("sys/bus/pci/devices/0000:01:00.0/class", "0x030200\n");
  root.write("sys/bus/pci/devices/0000:01:00.1/vendor", "0x10de\n");
  root.write("sys/bus/pci/devices/0000:01:00.1/class", "0x040300\n");  // Its sound.
  const Check hidden = named(check_gpu(root.path()), "GPU");
  EXPECT_EQ(hidden.verdict, Verdict::kLimited);
  EXPECT_THAT(hidden.text, AllOf(HasSubstr("0000:01:00.0 on the PCI bus"), HasSubstr("no /dev/nvidia0")));
  EXPECT_THAT(hidden.cure, AllOf(HasSubstr("docker run --gpus all"), HasSubstr("modprobe nvidia")));
  root.write("dev/nvidiactl", "");
  root.write("dev/nvidia0", "");
  root.write("proc/driver/nvidia/version", "NVRM version: 580.1\n");
  const Check there = named(check_gpu(root.path()), "GPU");
  EXPECT_EQ(there.verdict, Verdict::kOk);
  EXPECT_THAT(there.text, HasSubstr("NVRM version: 580.1"));
}

TEST(HostChecks, AreAllInTheReport) {
  const auto checks = check_host();
  for (const char* name : {"kernel", "cores", "memory", "memory limit", "/dev/shm", "huge pages", "huge pages, private",
                           "open files", "file size", "address space", "processes", "container", "seccomp", "GPU"})
    EXPECT_TRUE(has(checks, name)) << name;
  for (const Check& check : checks)
    EXPECT_TRUE(check.verdict == Verdict::kOk || !check.cure.empty()) << check.name << " has no cure";
}

}  // namespace
}  // namespace millrace::host_checks_test
