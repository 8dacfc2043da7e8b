#include "millrace/apps/millrace/validate.h"

#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "millrace/configs/document.h"
#include "millrace/configs/errors.h"
#include "millrace/loader/example.h"

namespace millrace::validate_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int64_t kFirstOffset = 7;

/// No aggregate, so that its members cannot be counted.
class Forgetful {
 public:
  explicit Forgetful(int64_t offset = kFirstOffset) : offset_(offset) {}
  size_t size() const { return 4; }
  Example get(size_t i) const { return {at::full({2}, static_cast<int64_t>(i) + offset_), at::full({}, 1)}; }
  template <class Archive>
  void serialize(Archive&) {}

 private:
  int64_t offset_;
};

struct ForgetfulAggregate {
  int64_t offset = kFirstOffset;
  size_t size() const { return 4; }
  Example get(size_t i) const { return {at::full({2}, static_cast<int64_t>(i) + offset), at::full({}, 1)}; }
  template <class Archive>
  void serialize(Archive&) {}
};

// What validate() says of a run whose dataset is `dataset`; "" where it finds nothing wrong.
template <class Dataset>
std::string complaint(const Dataset& dataset, const std::string& loader) {
  apps::ProgramTypes types;
  types.datasets.add("own", [&](const configs::Node&, const std::optional<configs::Node>&) { return dataset; });
  const configs::Node run(configs::parse("dataset: {type: own}\nloader: " + loader + "\n", "run.yaml"));
  try {
    apps::validate(run, types, [](const std::string&, const std::string&) {});
  } catch (const configs::ConfigError& e) {
    return e.what();
  }
  return "";
}

TEST(Validate, RefusesADatasetWhoseCopyInWorkersWouldBeAnother) {
  for (const char* loader : {"{batch_size: 2, num_workers: 2}", "{batch_size: 2}"}) {
    EXPECT_THAT(complaint(Forgetful(49), loader),
                AllOf(HasSubstr("run.yaml:1"), HasSubstr("Forgetful"), HasSubstr("serialize")));
    EXPECT_THAT(complaint(ForgetfulAggregate(), loader),
                AllOf(HasSubstr("run.yaml:1"), HasSubstr("serialize"), HasSubstr("visits 0 of its 1 members")));
  }
}

TEST(Validate, TakesADatasetOfWhichWorkersGetNoCopy) {
  EXPECT_EQ(complaint(Forgetful(49), "{batch_size: 2, worker_mode: thread}"), "");
  EXPECT_EQ(complaint(Forgetful(), "{batch_size: 2}"), "") << "what it forgets has its first value";
}

}  // namespace
}  // namespace millrace::validate_test
