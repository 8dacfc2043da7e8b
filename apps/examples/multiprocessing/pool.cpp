#include <iostream>
#include <ranges>
#include <tuple>
#include <vector>

#include "millrace/sharing/pool/pool.h"
#include "millrace/sharing/process/init.h"

namespace mp = millrace::multiprocessing;

int add(int x, int y) { return x + y; }
int square(int x) { return x * x; }
int root(int x) { return x >= 0 ? x : throw std::domain_error("no root of " + std::to_string(x)); }

int main(int argc, char** argv) {
  millrace::init(argc, argv);

  mp::Pool pool(2);
  std::cout << "apply: " << pool.apply(add, 1, 2) << '\n';

  auto later = pool.apply_async(add, 3, 4);  // Runs while we go on.
  std::cout << "apply_async: " << later.get(std::chrono::seconds(10)) << '\n';

  std::cout << "map:";
  for (const int result : pool.map(square, std::views::iota(0, 10))) std::cout << ' ' << result;
  std::cout << "\nmap with chunks of 5:";
  for (const int result : pool.map(square, std::views::iota(0, 10), 5)) std::cout << ' ' << result;

  std::cout << "\nstarmap:";
  const std::vector<std::tuple<int, int>> pairs = {{1, 2}, {3, 4}, {5, 6}};
  for (const int result : pool.starmap(add, pairs)) std::cout << ' ' << result;

  std::cout << "\nimap:";
  for (const int result : pool.imap(square, std::vector{7, 8})) std::cout << ' ' << result;

  try {
    pool.apply(root, -1);
  } catch (const mp::RemoteError& error) {
    std::cout << "\nan error: " << error.type() << '\n';
  }
  pool.close();
  pool.join();
}
