#include <unistd.h>

#include <iostream>
#include <mutex>

#include "millrace/sharing/process/init.h"
#include "millrace/sharing/process/process.h"
#include "millrace/sharing/sync/barrier.h"
#include "millrace/sharing/sync/event.h"
#include "millrace/sharing/sync/lock.h"
#include "millrace/sharing/sync/value.h"

namespace mp = millrace::multiprocessing;

void count(mp::Barrier& start, mp::Value<int>& total) {
  start.wait();
  for (int i = 0; i < 1000; ++i) {
    const std::lock_guard hold(total.get_lock());
    ++total.value();
  }
}

void die_with(mp::Lock& lock, mp::Event& held) {
  lock.lock();
  held.set();
  for (;;) ::pause();
}

int main(int argc, char** argv) {
  millrace::init(argc, argv);

  mp::Barrier start(2);
  mp::Value<int> total;
  mp::Process other(count, std::ref(start), std::ref(total));
  other.start();
  count(start, total);
  other.join();
  std::cout << total.get() << '\n';

  mp::Lock lock;
  mp::Event held;
  mp::Process owner(die_with, std::ref(lock), std::ref(held));
  owner.start();
  held.wait();
  owner.kill();
  if (lock.acquire() == mp::Acquired::kOwnerDied) std::cout << "ours, and its owner died\n";
  lock.release();
  owner.join();
}
