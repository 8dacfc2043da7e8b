#include "millrace/showing/values.h"

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <sstream>
#include <variant>
#include <vector>

#include "millrace/sharing/os/printable.h"

namespace millrace::showing {
namespace {

std::string number(double value) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.6g", value);
  return text.data();
}

std::string element(const at::Tensor& values, int64_t i) {
  const bool is_whole = at::isIntegralType(values.scalar_type(), /*includeBool=*/true);
  return is_whole ? std::to_string(values[i].item<int64_t>()) : number(values[i].item<double>());
}

// "17", or "Long [1024]: 17 4 9 ...".
std::string text_of(const at::Tensor& value, size_t letters) {
  const at::Tensor flat = value.cpu().reshape({-1});
  if (value.dim() == 0) return element(flat, 0);
  std::ostringstream head;
  head << c10::toString(value.scalar_type()) << " " << value.sizes() << ":";
  std::string text = head.str();
  for (int64_t i = 0; i < flat.numel(); ++i) {
    if (text.size() > letters) return text + " ...";
    text += " " + element(flat, i);
  }
  return text;
}

}  // namespace

std::string text_of_value(const ColumnValue& column, int64_t sample, size_t letters) {
  const auto row = static_cast<size_t>(sample);
  if (const auto* strings = std::get_if<std::vector<std::string>>(&column)) return in_quotes((*strings)[row], letters);
  if (const auto* tensors = std::get_if<std::vector<at::Tensor>>(&column)) return text_of((*tensors)[row], letters);
  return text_of(std::get<at::Tensor>(column)[sample], letters);
}

}  // namespace millrace::showing
