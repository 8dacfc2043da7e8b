// The two programs of apps/examples/cuda, on the fake driver: what they are documented to do.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/process_probe.h"

namespace millrace {
namespace {

using testing::AnyOf;
using testing::Eq;
using testing::HasSubstr;

constexpr const char* kRead = "consumer: read 7";
constexpr const char* kBothEndedWell = "provider ended with 0, consumer with 0";

TEST(CudaExamples, AProviderThatWaitsKeepsItsMemoryGood) {
  test::Program program({test::built("tests/fake_provider_waits")});
  EXPECT_EQ(program.line(), kRead);
  EXPECT_EQ(program.line(), kBothEndedWell);
  EXPECT_EQ(program.errors(), "");
}

TEST(CudaExamples, AProviderThatLeavesWaitsForItsConsumerFirst) {
  test::Program program({test::built("tests/fake_provider_leaves")});
  EXPECT_EQ(program.line(), kRead);
  EXPECT_EQ(program.line(), kBothEndedWell);
  EXPECT_EQ(program.errors(), "");
}

// Both sleep two seconds, so which of them is first is not certain.
TEST(CudaExamples, AProviderThatDoesNotWaitWarnsAndItsConsumerReadsGoodBytesOrKnows) {
  test::Program program({test::built("tests/fake_provider_leaves"), "0"});
  const std::string consumer = program.line();
  EXPECT_EQ(program.line(), kBothEndedWell);
  const std::string errors = program.errors();
  constexpr const char* kEnded = "consumer: the provider has ended, what was read may be garbage";
  EXPECT_THAT(consumer, AnyOf(Eq(kRead), Eq(kEnded)));
  if (consumer == kEnded) {
    EXPECT_THAT(errors, HasSubstr("Producer process has been terminated before all shared CUDA tensors released"));
    EXPECT_THAT(errors, HasSubstr("1 storage, 4000 bytes"));
  }
}

TEST(CudaExamples, RefuseWhatIsNoNumberOfSeconds) {
  for (const char* wrong : {"2x", "", "-", "99999999999999999999"}) {
    test::Program program({test::built("tests/fake_provider_leaves"), wrong});
    EXPECT_THAT(program.errors(), HasSubstr("expected a number of seconds, found '" + std::string(wrong) + "'"));
    EXPECT_NE(program.wait().code(), 0) << wrong;
  }
}

}  // namespace
}  // namespace millrace
