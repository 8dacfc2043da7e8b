#pragma once

#include <atomic>
#include <mutex>
#include <vector>

namespace millrace::cuda {

/// Looks after memory that is waiting: exports that are parked, imports that are closing. Every export, import and free
/// looks at it on its way. For a process that does none of these there is a thread, which looks every 50 ms and lives
/// only while something waits. The thread runs no code of the user's but the deleters of memory that was parked,
/// handles no signal, and is not joined: when the process ends it stops freeing.
///
/// Thread-safe, also across fork(): the child has nothing that waits, and no thread.
class Parking {
 public:
  /// A table whose memory waits.
  struct Table {
    void (*collect)();     ///< Frees what need not wait any more.
    bool (*is_waiting)();  ///< Whether anything still waits. Runs no code of the user's.
  };

  static Parking& instance();

  /// Adds a table. Each table calls it once, when it is made, which is before main().
  void look_after(Table table);

  /// Says that something waits. Throws nothing: where no thread can be started, the next export or free looks at it.
  void watch() noexcept;

  /// Whether this process ends: its memory is then left to the kernel and the driver.
  static bool process_ends();

  /// Stops looking, and waits for a look in progress.
  void stop();

 private:
  Parking();
  void run();

  std::mutex mutex_;  // Protects the next two members. Taken before the tables' mutexes.
  bool running_ = false;
  std::vector<Table> tables_;
  std::atomic<bool> looking_ = false;
  static std::atomic<bool> ends_;
};

}  // namespace millrace::cuda
