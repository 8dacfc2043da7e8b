#pragma once

#include <c10/core/ScalarType.h>

#include <optional>
#include <string>
#include <string_view>

/// Python's classes of storages, "torch.FloatStorage", which say a tensor's dtype in files of torch.save.
namespace millrace::training::detail {

/// The dtype of a storage class; nullopt for what is none.
std::optional<c10::ScalarType> dtype_of_storage(std::string_view class_name);

/// The storage class of a dtype; nullopt for a dtype that has none, such as UInt16.
std::optional<std::string> storage_of_dtype(c10::ScalarType dtype);

}  // namespace millrace::training::detail
