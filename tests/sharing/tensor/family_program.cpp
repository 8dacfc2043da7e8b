// A trainer, its fork server and its workers, which share tensors until all of them are killed, for tensor_test.cpp:
//
//   family_program METHOD STRATEGY    as mp::to_string() names them
//
// All are of one process group, the program's. It prints a line once everybody sends and receives.
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <unistd.h>

#include <cstdio>
#include <vector>

#include "millrace/sharing/channel/queue.h"
#include "millrace/sharing/process/context.h"
#include "millrace/sharing/process/init.h"
#include "millrace/sharing/tensor/share_memory.h"
#include "millrace/sharing/tensor/strategy.h"
#include "millrace/sharing/tensor/tensor_codec.h"
#include "millrace/tests/support/process_probe.h"

namespace mp = millrace::multiprocessing;

namespace {

using TensorQueue = mp::Queue<at::Tensor>;

// The one that is named so.
template <class Choices>
auto chosen(const Choices& choices, const std::string& name) {
  for (const auto choice : choices)
    if (name == to_string(choice)) return choice;
  throw std::invalid_argument("there is no " + name);
}

void produce(TensorQueue& out, mp::Queue<int>& ready, const std::string& strategy) {
  mp::set_sharing_strategy(chosen(mp::get_all_sharing_strategies(), strategy));
  ready.put(0);
  for (;;) out.put(at::ones({1000}));
}

void consume(TensorQueue& in, mp::Queue<int>& ready) {
  std::vector<at::Tensor> kept;
  for (int received = 0;; ++received) {
    kept.push_back(in.get(millrace::test::kLong));
    if (received == 100) ready.put(1);
    if (kept.size() > 50) kept.erase(kept.begin());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3) ::setpgid(0, 0);  // Before the fork server is made. Spawned workers have no arguments, and stay.
  millrace::init(argc, argv);
  if (argc != 3) return 9;
  const auto method = chosen(mp::get_all_start_methods(), argv[1]);
  const std::string strategy = argv[2];
  mp::set_sharing_strategy(chosen(mp::get_all_sharing_strategies(), strategy));

  TensorQueue queue(8);
  mp::Queue<int> ready;
  const at::Tensor large = at::full({4 << 20}, 1.f);  // 16 MiB, missed on /dev/shm if anything of it stays.
  millrace::share_memory_(large);
  std::vector<mp::Process> workers;
  for (int i = 0; i < 2; ++i) workers.emplace_back(method, produce, std::ref(queue), std::ref(ready), strategy).start();
  workers.emplace_back(method, consume, std::ref(queue), std::ref(ready)).start();
  for (int i = 0; i < 3; ++i) ready.get(millrace::test::kLong);
  queue.put(large);

  std::printf("all at work\n");
  std::fflush(stdout);
  for (;;) ::pause();
}
