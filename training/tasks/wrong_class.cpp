#include "millrace/training/tasks/wrong_class.h"

namespace millrace::training {

std::optional<WrongClass> find_wrong_class(const at::Tensor& target, int64_t classes, int64_t ignored) {
  const auto numbers = target.flatten().to(at::kLong);  // A byte cannot be compared with the number 300.
  const auto wrong = numbers.lt(0).logical_or(numbers.ge(classes)).logical_and(numbers.ne(ignored));
  if (!wrong.any().item<bool>()) return std::nullopt;
  const auto first = wrong.to(at::kByte).argmax().item<int64_t>();
  return WrongClass{first / (numbers.numel() / target.size(0)), numbers.select(0, first).item<int64_t>()};
}

}  // namespace millrace::training
