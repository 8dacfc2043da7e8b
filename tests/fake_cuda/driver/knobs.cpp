#include "millrace/tests/fake_cuda/driver/knobs.h"

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>

#include "millrace/tests/fake_cuda/driver/entry_points.h"

namespace fake_cuda {
namespace {

[[noreturn]] void unknown(const std::string& name) {
  std::fprintf(stderr, "the fake CUDA driver has no knob or counter called '%s'\n", name.c_str());
  std::abort();
}

std::atomic<long long>& knob(const std::string& name) {
#define FAKE_CUDA_FIND(member, value) \
  if (name == #member) return knobs.member;
  FAKE_CUDA_KNOBS(FAKE_CUDA_FIND)
#undef FAKE_CUDA_FIND
  unknown(name);
}

std::atomic<long long>& counter(const std::string& name) {
#define FAKE_CUDA_FIND(member, value) \
  if (name == #member) return counters.member;
  FAKE_CUDA_COUNTERS(FAKE_CUDA_FIND)
#undef FAKE_CUDA_FIND
  unknown(name);
}

const bool read_environment = [] {
  const char* const text = std::getenv("MILLRACE_FAKE_CUDA");
  std::istringstream items(text ? text : "");
  for (std::string item; std::getline(items, item, ',');) {
    const size_t equals = item.find('=');
    if (equals == item.npos) unknown(item);
    knob(item.substr(0, equals)) = std::stoll(item.substr(equals + 1));
  }
  return true;
}();

}  // namespace

FAKE_CUDA_API void fake_cuda_set(const char* name, long long value) { knob(name) = value; }
FAKE_CUDA_API long long fake_cuda_get(const char* name) { return knob(name); }
FAKE_CUDA_API long long fake_cuda_count(const char* name) { return counter(name); }

}  // namespace fake_cuda
