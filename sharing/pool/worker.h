#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/os/owned_fd.h"
#include "millrace/sharing/process/call.h"

// What a pool's parent and its workers say to each other. Most calls and results pass over the CallBoard; the socket of
// each worker is for those that are large or carry descriptors, and for what happens once.
namespace millrace::multiprocessing::detail {

/// The first word of a message between a pool and a worker; the second is a number.
enum class PoolMessage : uint32_t {
  kAskFunction,   ///< From a worker: which is the function of this number? The answer is a Target.
  kAskArguments,  ///< From a worker: what are the arguments in this slot? The answer is their bytes and descriptors.
  kResult,        ///< From a worker: the result of the call in this slot follows.
  kInitializerRaised,  ///< From a worker: an ExceptionReport follows.
};

struct PoolMessageHead {
  PoolMessage what;
  uint32_t number;
};

/// The first byte of a result: its values follow, or the report of an exception.
enum class ResultKind : uint8_t { kValues, kRaised };

/// What a worker gets at its start.
struct WorkerStart {
  OwnedFd board;
  OwnedFd bell;
  OwnedFd socket;
  uint32_t seat = 0;
  uint16_t number = 0;
  uint32_t max_tasks = 0;  ///< Tasks before it is replaced; 0: no limit.

  template <class Archive>
  void serialize(Archive& archive) {
    archive(board, bell, socket, seat, number, max_tasks);
  }
};

/// A call that each worker runs first. The pool keeps it, to send it to every new worker.
struct Initializer {
  Target target;
  std::vector<std::byte> bytes;
  std::vector<OwnedFd> fds;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(target, bytes, fds);
  }
};

/// Runs a worker from start to end. It is the target of the worker's Process.
void run_pool_worker(WorkerStart& start, std::optional<Initializer>& initializer);

}  // namespace millrace::multiprocessing::detail
