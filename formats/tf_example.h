#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "millrace/loader/sample.h"

namespace millrace::detail {

/// The features of a serialized tf.train.Example as a sample: those of `names` in their order, or all by their names'
/// order where there are none. Lists of integers are tensors int64 {values}, lists of floats float32 {values}, bytes a
/// string; a feature without a kind is none. Throws std::runtime_error, without the record's name, for bytes that are
/// no Example, a name that it has not, and several byte strings in one feature.
///
/// The few messages of an Example are read here and not by libprotobuf: LibTorch has a protobuf of its own inside, with
/// the same names of another version, and a process does not bear both.
Sample parse_tf_example(std::string_view bytes, const std::vector<std::string>& names);

}  // namespace millrace::detail
