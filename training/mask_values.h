#pragma once

#include <cstdint>
#include <vector>

#include "millrace/configs/value.h"

/// Masks whose numbers are not their classes, by the key mask_values of the datasets that read masks.
namespace millrace::training {

/// Whether a section `dataset` reads masks from files.
bool has_masks(const configs::Value& dataset);

/// The value of the key that a dataset has, or the first of those that it is made of; null where none says it.
const configs::Value* find_mask_values(const configs::Value& dataset);

/// The number that each class has in the masks that a run was trained with; empty where it is the class's own.
std::vector<int64_t> mask_values_of(const configs::Value& run);

}  // namespace millrace::training
