#include "millrace/sharing/os/processors.h"

#include <gtest/gtest.h>

#include "millrace/tests/support/directory.h"

namespace millrace::processors_test {
namespace {

TEST(Processors, AreThoseOfTheAffinityWithoutCgroups) {
  const test::Directory root;
  const Processors found = processors(root.path());
  EXPECT_GE(found.allowed, 1);
  EXPECT_LE(found.allowed, found.online);
  EXPECT_FALSE(found.quota);
  EXPECT_EQ(found.usable(), found.allowed);
}

TEST(Processors, HaveTheSmallestQuotaOnTheWayUpACgroupTree) {
  const test::Directory root;
  root.write("proc/self/cgroup", "0::/outer/inner\n");
  root.write("sys/fs/cgroup/outer/cpu.max", "50000 100000\n");
  root.write("sys/fs/cgroup/outer/inner/cpu.max", "max 100000\n");
  const Processors found = processors(root.path());
  EXPECT_EQ(found.quota, 0.5);
  EXPECT_EQ(found.usable(), 1);
}

TEST(Processors, HaveAQuotaInCgroupsOfTheFirstVersionToo) {
  const test::Directory root;
  root.write("proc/self/cgroup", "4:cpu,cpuacct:/a\n");
  root.write("sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n");
  root.write("sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "250000\n");
  root.write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  root.write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(processors(root.path()).quota, 2.5);
}

TEST(Processors, AreUsedByAWholeProcessWhereTheQuotaHasAPartOfOne) {
  EXPECT_EQ((Processors{8, 8, 2.5}.usable()), 3);
  EXPECT_EQ((Processors{8, 2, 2.5}.usable()), 2);
  EXPECT_EQ((Processors{8, 8, 0.1}.usable()), 1);
}

}  // namespace
}  // namespace millrace::processors_test
