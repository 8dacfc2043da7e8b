#include "millrace/samplers/sampler_name.h"

#include <c10/util/Type.h>

namespace millrace::detail {

std::string type_text(const std::type_info& type) { return c10::demangle(type.name()); }

}  // namespace millrace::detail
