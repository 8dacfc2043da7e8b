#include "millrace/training/mask_warning.h"

#include <ATen/core/Tensor.h>

#include "millrace/sharing/os/notice.h"
#include "millrace/training/tasks/segmentation.h"

namespace millrace::training {

void warn_of_black_and_white_masks(const Columns& batch) {
  if (!batch.contains("mask") || batch.tensor("mask").scalar_type() != at::kByte) return;
  const auto& masks = batch.tensor("mask");
  const auto ignored = masks.eq(Segmentation::kIgnored);
  if (!ignored.any().item<bool>() || !masks.eq(0).logical_or(ignored).all().item<bool>()) return;
  tell(NoticeLevel::kWarning,
       "the masks of the first batch hold 0 and 255 alone, and 255 counts as no class, so that there is nothing to "
       "learn: where it is a class, write mask_values: [0, 255] in the dataset");
}

}  // namespace millrace::training
