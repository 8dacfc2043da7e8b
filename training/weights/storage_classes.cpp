#include "millrace/training/weights/storage_classes.h"

#include <array>
#include <utility>

namespace millrace::training::detail {
namespace {

using c10::ScalarType;

constexpr std::array<std::pair<std::string_view, ScalarType>, 12> kStorages = {
    {{"torch.FloatStorage", ScalarType::Float},
     {"torch.DoubleStorage", ScalarType::Double},
     {"torch.HalfStorage", ScalarType::Half},
     {"torch.BFloat16Storage", ScalarType::BFloat16},
     {"torch.LongStorage", ScalarType::Long},
     {"torch.IntStorage", ScalarType::Int},
     {"torch.ShortStorage", ScalarType::Short},
     {"torch.CharStorage", ScalarType::Char},
     {"torch.ByteStorage", ScalarType::Byte},
     {"torch.BoolStorage", ScalarType::Bool},
     {"torch.ComplexFloatStorage", ScalarType::ComplexFloat},
     {"torch.ComplexDoubleStorage", ScalarType::ComplexDouble}}};

}  // namespace

std::optional<ScalarType> dtype_of_storage(std::string_view class_name) {
  for (const auto& [known, dtype] : kStorages)
    if (known == class_name) return dtype;
  return std::nullopt;
}

std::optional<std::string> storage_of_dtype(ScalarType dtype) {
  for (const auto& [name, known] : kStorages)
    if (known == dtype) return std::string(name);
  return std::nullopt;
}

}  // namespace millrace::training::detail
