#pragma once

#include "millrace/loader/sample_row.h"

namespace millrace::training {

/// Tells, as a warning, of samples with boxes, which no model here finds in pictures: whether another field is learned,
/// or the boxes as mere numbers. Does nothing for samples without boxes.
void warn_of_boxes(const SampleSpec& spec, const FieldSpec& target);

}  // namespace millrace::training
