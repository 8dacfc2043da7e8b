#include "millrace/sharing/process/init.h"

#include "millrace/sharing/os/standard_streams.h"
#include "millrace/sharing/process/fork_server.h"
#include "millrace/sharing/process/reexec.h"
#include "millrace/sharing/process/torch_cuda.h"

namespace millrace {
namespace {

bool g_init_was_called = false;

}  // namespace

bool init_was_called() { return g_init_was_called; }

void init(int, const char* const*) {
  if (g_init_was_called) return;
  g_init_was_called = true;
  open_closed_streams();
  // Failing is no reason to end a program that may use no GPU; `millrace doctor` tells of it.
  load_torch_cuda();
  detail::become_reexec_role();
  ForkServer::fork_early();
}

}  // namespace millrace
