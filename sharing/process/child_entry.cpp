#include "millrace/sharing/process/child_entry.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <utility>

#include "millrace/sharing/process/backtrace.h"
#include "millrace/sharing/process/process_end.h"

namespace millrace::detail {

int run_entry(ChildEntry entry, std::span<const std::byte> arguments, std::vector<OwnedFd> fds,
              const std::string& name) {
  int code = 1;
  record_throws();
  try {
    code = entry(arguments, std::move(fds));
  } catch (...) {
    print_current_exception(name);
  }
  run_process_end_handlers();
  return code;
}

void leave(int code, void* /*unused*/) {
  std::cout.flush();
  std::clog.flush();
  std::fflush(nullptr);
  ::_exit(code);
}

void run_child(ChildEntry entry, std::span<const std::byte> arguments, std::vector<OwnedFd> fds,
               const std::string& name) {
  ::on_exit(&leave, nullptr);
  std::exit(run_entry(entry, arguments, std::move(fds), name));
}

}  // namespace millrace::detail
