#pragma once

#include "millrace/configs/value.h"

namespace millrace::training {

/// Calls visit(section) for a section `dataset`, and then for all that it is made of, in the order of the file. Both
/// for sections that are changed and for those that are looked at.
template <class Section, class Visit>
void for_each_dataset(Section& dataset, const Visit& visit) {
  visit(dataset);
  for (auto& part : dataset.elements) for_each_dataset(part, visit);
  for (const char* key : {"dataset", "datasets"})
    if (auto* inner = dataset.find(key)) for_each_dataset(*inner, visit);
}

}  // namespace millrace::training
