#include "millrace/training/box_warning.h"

#include <algorithm>
#include <string>

#include "millrace/sharing/os/notice.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::training {

void warn_of_boxes(const SampleSpec& spec, const FieldSpec& target) {
  if (std::ranges::find(spec.fields, "boxes", &FieldSpec::name) == spec.fields.end()) return;
  const std::string what = target.name == "boxes" ? "are learned as numbers in the order of the file"
                                                  : "are left out, " + in_quotes(target.name) + " is learned";
  tell(NoticeLevel::kWarning,
       "the boxes of the samples " + what +
           ": `train` has no model for boxes; a program of your own in C++ reads them by 'ImageManifest'");
}

}  // namespace millrace::training
