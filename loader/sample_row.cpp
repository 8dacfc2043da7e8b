#include "millrace/loader/sample_row.h"

#include <ATen/CPUGeneratorImpl.h>

#include <sstream>
#include <stdexcept>

#include "millrace/sharing/os/printable.h"

namespace millrace {

size_t FieldSpec::numel() const {
  size_t n = 1;
  for (const int64_t d : shape) n *= static_cast<size_t>(d);
  return n;
}

size_t FieldSpec::bytes() const { return numel() * c10::elementSize(dtype); }

std::string to_string(const SampleSpec& spec) {
  std::ostringstream out;
  for (const auto& field : spec.fields) {
    if (&field != &spec.fields.front()) out << ", ";
    out << printable(field.name) << ": " << c10::toString(field.dtype) << " [";
    for (size_t i = 0; i < field.shape.size(); ++i) out << (i ? ", " : "") << field.shape[i];
    out << "]";
  }
  return out.str();
}

std::byte* SampleRow::find(std::string_view field, c10::ScalarType dtype, size_t* numel) const {
  for (size_t i = 0; i < spec_->fields.size(); ++i) {
    const auto& f = spec_->fields[i];
    if (f.name != field) continue;
    if (f.dtype != dtype)
      throw std::invalid_argument("field " + in_quotes(f.name) + " holds " + c10::toString(f.dtype) + ", not " +
                                  c10::toString(dtype));
    *numel = f.numel();
    return rows_[i];
  }
  throw std::invalid_argument("no field " + in_quotes(field) + "; the sample has " + to_string(*spec_));
}

at::Generator& SampleContext::generator() {
  if (!generator_.defined()) generator_ = at::make_generator<at::CPUGeneratorImpl>(seed_);
  return generator_;
}

}  // namespace millrace
