#pragma once

#include <c10/core/ScalarType.h>

#include "millrace/loader/images/planes.h"
#include "millrace/loader/images/transforms/transform.h"

namespace millrace::transforms {

/// torchvision.transforms.v2.ToDtype(torch.float32, scale): float32 x / 255 with scale, else x. The last step of a
/// chain but for a Lambda; Normalize includes it.
struct ToDtype : MakesFloats {
  bool scale = false;

  static constexpr std::string_view kName = "ToDtype";
  static constexpr std::string_view kAbout = "float32 only, behind the other steps";
  static constexpr auto fields() {
    return list(word<ToDtype>("dtype", "float32").required(), field("scale", &ToDtype::scale));
  }

  ToDtype() = default;
  explicit ToDtype(c10::ScalarType dtype, bool scale_to_one = false);
  void check() const {}

  void write(image::Planes in, float* row) const;
  bool operator==(const ToDtype&) const = default;
};

}  // namespace millrace::transforms
