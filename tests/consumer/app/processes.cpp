// The multiprocessing library by the one header: processes, a pool, spawn, and tensors between them.
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <millrace/millrace.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ranges>
#include <string>
#include <tuple>
#include <vector>

namespace mp = millrace::multiprocessing;

void require(bool fact, const char* what) {
  if (fact) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::exit(1);
}

void foo(int x, mp::Queue<int>& q) { q.put(x); }
int add(int x, int y) { return x + y; }

void provider(mp::Queue<at::Tensor>& q) {
  q.put(at::ones({20, 20}));
  q.put(at::ones({10, 10}));
}

void consumer(mp::Queue<at::Tensor>& q, const at::Tensor& sums) {
  sums[0] = q.get().sum();
  sums[1] = q.get().sum();
}

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  mp::set_start_method(mp::StartMethod::kForkServer);

  mp::Queue<int> queue;
  mp::Process p(foo, 1, std::ref(queue));
  p.start();
  p.join();
  require(queue.get() == 1, "a process put 1");

  mp::Pool pool(2);
  require(pool.apply([](int x, int y) { return x + y; }, 1, 2) == 3, "apply adds");
  auto later = pool.apply_async(add, 1, 2);
  require(later.get(std::chrono::seconds(20)) == 3, "apply_async adds");
  const std::vector<int> squares = pool.map([](int x) { return x * x; }, std::views::iota(0, 10));
  require(squares.back() == 81, "map squares");
  const auto sums = pool.starmap(add, std::vector<std::tuple<int, int>>{{1, 2}, {3, 4}});
  require(sums == std::vector<int>{3, 7}, "starmap adds");
  mp::spawn([](int rank, std::string greeting) { require(rank < 2 && greeting == "hello", "hello"); }, {"hello"}, 2);

  mp::Queue<at::Tensor> tensors;
  const auto total = at::zeros({2});
  millrace::share_memory_(total);
  mp::Process provides(provider, std::ref(tensors));
  provides.start();
  provides.join();  // Before anybody looks.
  mp::Process consumes(consumer, std::ref(tensors), total);
  consumes.start();
  consumes.join();
  require(millrace::is_shared(total) && total.sum().item<double>() == 500, "both tensors arrived");
  std::puts("processes, pool, spawn and tensors work");
}
