#include "millrace/sharing/cuda/ipc/parking.h"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <thread>

#include "millrace/sharing/os/fork_handlers.h"
#include "millrace/sharing/os/signals_blocked.h"

namespace millrace::cuda {
namespace {

constexpr std::chrono::milliseconds kInterval{50};

}  // namespace

std::atomic<bool> Parking::ends_ = false;

Parking& Parking::instance() {
  static auto* const parking = new Parking;
  return *parking;
}
[[maybe_unused]] static const Parking& kParkingAtLoad = Parking::instance();

Parking::Parking() {
  at_fork(ForkRank::kCudaParking, {[] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                                   [] {
                                     instance().running_ = false;
                                     instance().looking_ = false;
                                     instance().mutex_.unlock();
                                   }});
}

void Parking::look_after(Table table) {
  const std::lock_guard lock(mutex_);
  tables_.push_back(table);
}

void Parking::watch() noexcept {
  const std::lock_guard lock(mutex_);
  if (running_) return;
  const SignalsBlocked blocked;
  try {
    std::thread([this] { run(); }).detach();
    running_ = true;
  } catch (const std::system_error&) {
    // No thread can be had.
  }
}

void Parking::run() {
  const auto tables = [this] {
    const std::lock_guard lock(mutex_);
    return tables_;
  }();
  for (;;) {
    std::this_thread::sleep_for(kInterval);
    looking_ = true;
    for (const Table& table : tables)
      if (!ends_) table.collect();
    looking_ = false;
    // Asked again under the mutex: whoever parks something from here on finds no thread and starts one.
    const std::lock_guard lock(mutex_);
    if (ends_ || std::ranges::none_of(tables, [](const Table& table) { return table.is_waiting(); })) {
      running_ = false;
      return;
    }
  }
}

bool Parking::process_ends() { return ends_; }

void Parking::stop() {
  ends_ = true;
  for (int i = 0; looking_ && i < 1000; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace millrace::cuda
