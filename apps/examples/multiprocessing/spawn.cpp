#include <iostream>
#include <string>

#include "millrace/sharing/channel/queue.h"
#include "millrace/sharing/process/init.h"
#include "millrace/sharing/process/spawn.h"

namespace mp = millrace::multiprocessing;

void train(int rank, const std::string& name, mp::Queue<int>& losses) {
  if (name == "bad" && rank == 1) throw std::runtime_error("rank 1 has lost its way");
  losses.put(rank * 10);
}

int main(int argc, char** argv) {
  millrace::init(argc, argv);

  mp::Queue<int> losses;
  mp::spawn(train, {"good", losses}, 4);
  int sum = 0;
  for (int i = 0; i < 4; ++i) sum += losses.get();
  std::cout << "sum " << sum << '\n';

  try {
    mp::spawn(train, {"bad", losses}, 2);
  } catch (const mp::ProcessRaisedException& error) {  // what() tells of every rank that failed.
    std::cout << "rank " << error.error_index() << " failed\n";
  }
}
