#include "millrace/sharing/process/start_method.h"

#include <atomic>
#include <stdexcept>
#include <string>

#include "millrace/sharing/os/fork_handlers.h"

namespace millrace {

const char* to_string(StartMethod method) {
  switch (method) {
    case StartMethod::kForkServer:
      return "forkserver";
    case StartMethod::kFork:
      return "fork";
    case StartMethod::kSpawn:
      return "spawn";
  }
  return "?";
}

namespace multiprocessing {
namespace {

constexpr int kNotSettled = -1;
constinit std::atomic<int> settled_method = kNotSettled;  // Or a StartMethod.

// A forked process may choose anew.
[[maybe_unused]] const bool kForgottenInChildren = [] {
  at_fork(ForkRank::kStartMethod, {nullptr, nullptr, [] { settled_method = kNotSettled; }});
  return true;
}();

// Settles it, unless it is settled: how it is settled then.
std::optional<StartMethod> settle(StartMethod method) {
  int found = kNotSettled;
  if (settled_method.compare_exchange_strong(found, static_cast<int>(method))) return std::nullopt;
  return static_cast<StartMethod>(found);
}

}  // namespace

void set_start_method(StartMethod method) {
  if (const auto settled = settle(method))
    throw std::logic_error(std::string("cannot set the start method to ") + to_string(method) + ": it is " +
                           to_string(*settled) +
                           " already, set or used before. Set it once, at the top of main(); get_context() gives "
                           "others beside it");
}

void force_start_method(StartMethod method) { settled_method = static_cast<int>(method); }

StartMethod get_start_method() { return settle(StartMethod::kForkServer).value_or(StartMethod::kForkServer); }

std::vector<StartMethod> get_all_start_methods() {
  return {StartMethod::kForkServer, StartMethod::kFork, StartMethod::kSpawn};
}

std::optional<StartMethod> detail::settled_start_method() {
  const int method = settled_method;
  return method == kNotSettled ? std::nullopt : std::optional(static_cast<StartMethod>(method));
}

void detail::inherit_start_method(std::optional<StartMethod> method) {
  settled_method = method ? static_cast<int>(*method) : kNotSettled;
}

}  // namespace multiprocessing
}  // namespace millrace
