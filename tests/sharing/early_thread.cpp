// A library that a test preloads: it starts a thread before main(), as OpenBLAS, profilers and debuggers do. In every
// program with MILLRACE_TEST_EARLY_THREAD=always; with "first" not in one that Millrace executes afresh.
#include <pthread.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <thread>

namespace {

[[gnu::noinline]] void wait_for_ever() {
  for (;;) ::pause();
}

[[maybe_unused]] const bool kStarted = [] {
  const char* const when = std::getenv("MILLRACE_TEST_EARLY_THREAD");
  if (when == nullptr) return false;
  if (std::strcmp(when, "always") != 0 && std::getenv("MILLRACE_EXECUTED_BY") != nullptr) return false;
  std::thread thread(wait_for_ever);
  ::pthread_setname_np(thread.native_handle(), "early-thread");
  thread.detach();
  return true;
}();

}  // namespace
