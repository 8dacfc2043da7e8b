#pragma once

#include "millrace/loader/collation/fields.h"
#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/tensor/tensor_codec.h"

// Examples as a type of the codec: every struct with public `data` and `target` members of the codec's types that has
// no serialize of its own, first of all torch::data::Example and our own. A target that is an empty struct takes no
// bytes. (torch::data's TensorExample travels as the tensor it converts to.)
namespace millrace {

namespace detail {

template <class T>
concept TravellingExample = collate::ExampleLike<T> && !cereal::traits::has_member_serialize<T, EncodeArchive>::value &&
                            !cereal::traits::has_member_save<T, EncodeArchive>::value;

}  // namespace detail

template <detail::TravellingExample T>
void CEREAL_SERIALIZE_FUNCTION_NAME(EncodeArchive& archive, T& example) {
  archive(example.data, example.target);
}

template <detail::TravellingExample T>
void CEREAL_SERIALIZE_FUNCTION_NAME(DecodeArchive& archive, T& example) {
  archive(example.data, example.target);
}

}  // namespace millrace
