#include "millrace/apps/millrace/doctor.h"

#include <torch/headeronly/version.h>

#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

#include "millrace/apps/millrace/commands.h"
#include "millrace/sharing/process/context.h"
#include "millrace/sharing/process/fork_server.h"
#include "millrace/sharing/process/torch_cuda.h"

namespace millrace::apps {
namespace {

namespace mp = millrace::multiprocessing;

constexpr std::chrono::seconds kLimit{30};

void do_nothing() {}

Check check_fork_server() {
  Check check{"fork server", Verdict::kOk, "starts processes", "", true};
  try {
    auto process = mp::Context(StartMethod::kForkServer).Process(do_nothing);
    process.start();
    if (!process.join(kLimit)) throw std::runtime_error("a process of it does not end");
    if (process.exitcode() != 0)
      throw std::runtime_error("a process of it ended with exit code " + std::to_string(*process.exitcode()));
  } catch (const ServerHasThreads& error) {
    check.verdict = Verdict::kNotAvailable;
    check.text = error.what();
    check.cure = "Set start_method to spawn, or keep the library from starting threads before main()";
    check.needed = false;  // There are other ways to start processes.
  } catch (const std::exception& error) {
    check.verdict = Verdict::kNotAvailable;
    check.text = error.what();
    check.cure = "Look for limits (ulimit -n, ulimit -u, pids.max) and for a seccomp profile that forbids fork";
  }
  return check;
}

Check check_libtorch() { return {"LibTorch", Verdict::kOk, TORCH_VERSION, "", true}; }

Check check_torch_cuda() {
  const TorchCuda& part = load_torch_cuda();
  Check check{"LibTorch's CUDA part", Verdict::kOk, part.text, "", false};
  if (part.state == TorchCuda::State::kLoaded) return check;
  check.verdict = Verdict::kNotAvailable;
  if (part.state == TorchCuda::State::kFailed)
    check.cure = "Install a LibTorch for CUDA together with the NVIDIA libraries it needs";
  return check;
}

void append(std::vector<Check>& checks, std::vector<Check> more) {
  for (Check& check : more) checks.push_back(std::move(check));
}

}  // namespace

std::vector<Check> check_programs() { return {check_fork_server(), check_libtorch(), check_torch_cuda()}; }

int doctor(const commands::Doctor& options) {
  std::vector<Check> checks = check_host();
  if (!options.quick) {
    append(checks, check_programs());
    append(checks, check_cuda());
  }
  return report(checks, options.json);
}

}  // namespace millrace::apps
