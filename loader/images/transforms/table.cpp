#include "millrace/loader/images/transforms/table.h"

namespace millrace::transforms {
namespace {

template <class... Transforms>
std::vector<Description> descriptions(TypeList<Transforms...>) {
  return {describe<Transforms>()...};
}

}  // namespace

std::vector<Description> describe_all() { return descriptions(NamedTransforms()); }

}  // namespace millrace::transforms
