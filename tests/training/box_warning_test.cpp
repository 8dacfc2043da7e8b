#include "millrace/training/box_warning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "millrace/sharing/os/notice.h"

namespace millrace::training::box_warning_test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

std::string g_told;

void keep(NoticeLevel, std::string_view text) { g_told += text; }

const FieldSpec kImage{"image", at::kByte, {3, 8, 8}}, kLabel{"label", at::kLong, {}},
    kBoxes{"boxes", at::kFloat, {3, 4}};

std::string told_of(const SampleSpec& spec, const FieldSpec& target) {
  g_told.clear();
  const auto before = set_notice_handler(keep);
  warn_of_boxes(spec, target);
  set_notice_handler(before);
  return g_told;
}

TEST(BoxWarning, SaysWhatIsLearnedInTheirPlace) {
  EXPECT_THAT(told_of({kImage, kLabel, kBoxes}, kLabel),
              HasSubstr("are left out, 'label' is learned: `train` has no model for boxes"));
  EXPECT_THAT(told_of({kImage, kBoxes}, kBoxes), HasSubstr("are learned as numbers in the order of the file"));
  EXPECT_THAT(told_of({kImage, kLabel}, kLabel), IsEmpty());
}

}  // namespace
}  // namespace millrace::training::box_warning_test
