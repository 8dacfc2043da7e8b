#include "millrace/training/box_warning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "millrace/tests/support/notices.h"

namespace millrace::training::box_warning_test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

const FieldSpec kImage{"image", at::kByte, {3, 8, 8}}, kLabel{"label", at::kLong, {}},
    kBoxes{"boxes", at::kFloat, {3, 4}};

std::string told_of(const SampleSpec& spec, const FieldSpec& target) {
  return test::told_by([&] { warn_of_boxes(spec, target); });
}

TEST(BoxWarning, SaysWhatIsLearnedInTheirPlace) {
  EXPECT_THAT(told_of({kImage, kLabel, kBoxes}, kLabel),
              HasSubstr("are left out, 'label' is learned: `train` has no model for boxes"));
  EXPECT_THAT(told_of({kImage, kBoxes}, kBoxes), HasSubstr("are learned as numbers in the order of the file"));
  EXPECT_THAT(told_of({kImage, kLabel}, kLabel), IsEmpty());
}

}  // namespace
}  // namespace millrace::training::box_warning_test
