#include <iostream>
#include <map>
#include <string>

#include "millrace/sharing/channel/errors.h"
#include "millrace/sharing/channel/joinable_queue.h"
#include "millrace/sharing/channel/queue.h"
#include "millrace/sharing/process/init.h"
#include "millrace/sharing/process/process.h"

namespace mp = millrace::multiprocessing;

using Message = std::map<std::string, int>;  // Any type that the codec knows.

void produce(mp::Queue<Message>& queue) {
  for (int i = 0; i < 3; ++i) queue.put({{"number", i}, {"square", i * i}});
}  // And ends: what has been put is safe.

void work(mp::JoinableQueue<int>& tasks) {
  for (;;) {
    const int task = tasks.get();
    tasks.task_done();
    if (task < 0) return;
  }
}

int main(int argc, char** argv) {
  millrace::init(argc, argv);

  mp::Queue<Message> queue;
  mp::Process producer(produce, std::ref(queue));
  producer.start();
  producer.join();  // Before the first get(): there is no feeder thread to wait for.
  for (int i = 0; i < 3; ++i) std::cout << queue.get(std::chrono::seconds(10)).at("square") << '\n';
  try {
    queue.get_nowait();
  } catch (const mp::Empty&) {
    std::cout << "empty\n";
  }

  mp::JoinableQueue<int> tasks;
  mp::Process worker(work, std::ref(tasks));
  worker.start();
  for (const int task : {1, 2, 3, -1}) tasks.put(task);
  tasks.join();
  std::cout << "all tasks done\n";
  worker.join();
}
