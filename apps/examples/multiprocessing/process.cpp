#include <iostream>
#include <string>

#include "millrace/sharing/process/init.h"
#include "millrace/sharing/process/process.h"
#include "millrace/sharing/sync/array.h"

namespace mp = millrace::multiprocessing;

void square_all(mp::Array<int>& numbers, const std::string& greeting) {
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = numbers[i] * numbers[i];
  if (greeting != "hello") throw std::runtime_error("a stranger");
}

int main(int argc, char** argv) {
  millrace::init(argc, argv);  // First of all: starts the fork server.

  mp::Array<int> numbers{1, 2, 3};
  mp::Process process(square_all, std::ref(numbers), "hello");
  process.start();
  process.join();
  std::cout << "exit code " << *process.exitcode() << ", numbers";
  for (const int number : numbers.copy()) std::cout << ' ' << number;
  std::cout << '\n';
}
