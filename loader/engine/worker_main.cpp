#include "millrace/loader/engine/worker_main.h"

#include <ATen/Parallel.h>
#include <unistd.h>

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "millrace/loader/engine/worker.h"
#include "millrace/loader/engine/worker_protocol.h"
#include "millrace/loader/sources/travelling_dataset.h"
#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/memory/segment.h"
#include "millrace/sharing/memory/slot_layout.h"
#include "millrace/sharing/os/event_fd.h"
#include "millrace/sharing/os/limits.h"
#include "millrace/sharing/os/own_pid.h"
#include "millrace/sharing/os/poll.h"
#include "millrace/sharing/process/type_name.h"

namespace millrace {
namespace {

using Orphaned = std::function<bool()>;

// End of file tells of the trainer's end, but not where another process has a copy of its socket.
constexpr auto kLookForTrainer = std::chrono::milliseconds(500);

// One thread a worker: the trainer decides how many workers there are, and libgomp's threads do not survive a fork.
void use_one_thread() { at::set_num_threads(1); }

// Nobody may be left to hear it, which the next message shows.
void tell(const FdSocket& control, const WorkerMessage& message) {
  try {
    control.send(encode(message).bytes);
  } catch (const PeerGone&) {
  }
}

// The trainer's next message; nullopt when there is no trainer left to send one.
std::optional<Message> next_message(const FdSocket& control, const Orphaned& orphaned) {
  while (!poll_readable(control.fd(), kLookForTrainer))
    if (orphaned()) return std::nullopt;
  return control.receive();
}

// Why `step` failed, whatever it throws.
template <class Step>
std::optional<StartFailure> failure_of(Step step) {
  try {
    step();
  } catch (const std::exception& e) {
    return StartFailure{type_name(typeid(e)) + ": " + text_with_limit(e)};
  } catch (...) {
    return StartFailure{current_exception_type() + ", which is no std::exception"};
  }
  return std::nullopt;
}

// The answer to a question. Whatever the init function and the dataset throw is an answer.
WorkerMessage answer(const SpecQuestion& question, Source& source, WorkerRole& role, const FdSocket& control) {
  try {
    if (question.base_seed) {
      if (role.init != nullptr) tell(control, Doing{question.sample, WorkerPhase::kInit});
      begin_work(role, *question.base_seed);
    }
    tell(control, Doing{question.sample, WorkerPhase::kReading});
    return SpecAnswer{source.read_spec(question.sample)};
  } catch (const std::exception& e) {
    return SampleFailure{type_name(typeid(e)), text_with_limit(e)};
  } catch (...) {
    return SampleFailure{current_exception_type(), "thrown by the dataset; it is no std::exception"};
  }
}

OwnedFd next_descriptor(DecodeArchive& archive) {
  OwnedFd fd;
  archive(fd);
  return fd;
}

// The memory that a worker is attached to, in this process. The message has its descriptors one behind the other.
struct AttachedMemory {
  AttachedMemory(const Attachment& given, DecodeArchive& archive)
      : board(SharedSegment::adopt(next_descriptor(archive)), Access::kReadWrite),
        arena(SharedSegment::adopt(next_descriptor(archive)), Access::kReadWrite),
        done(next_descriptor(archive)) {
    if (given.device_arena) device_arena.emplace(*given.device_arena, next_descriptor(archive));
  }

  const MappedSegment board;
  const MappedSegment arena;
  const EventFd done;
  std::optional<cuda::DeviceArena> device_arena;
};

// Reads batches from the board until the board says stop.
void read_batches(const Attachment& given, AttachedMemory& memory, Source& source, const WorkerRole& role,
                  const FdSocket& control, const Orphaned& orphaned) {
  const WorkerBoard board(memory.board.data(), given.geometry);
  const SlotLayout layout = layout_of(given.spec, given.batch_size);
  source.set_spec(given.spec);
  auto* const device_arena = memory.device_arena ? &*memory.device_arena : nullptr;
  Worker worker({board, memory.arena.data(), device_arena, layout, memory.done, &control}, source, role);
  memory.done.signal();  // Ready: somebody may be in wait_ready().
  worker.run(orphaned);
}

}  // namespace

// Errors before the first batch reach the trainer through the control socket, later ones through the board.
int worker_main(std::span<const std::byte> arguments, std::vector<OwnedFd> fds) {
  const pid_t own = own_pid();
  const Orphaned orphaned = [parent = ::getppid()] { return ::getppid() != parent; };
  use_one_thread();
  DecodeArchive start_archive(arguments, fds);
  WorkerStart start;
  OwnedFd control_fd;
  start_archive(start, control_fd);
  const FdSocket control(std::move(control_fd));

  WorkerRole role{.number = start.number,
                  .incarnation = start.incarnation,
                  .num_workers = start.num_workers,
                  .seed_mode = start.seed_mode,
                  .owns_process = true};
  std::unique_ptr<Source> rebuilt;
  const auto failure = failure_of([&] {
    if (start.init) role.init = resolve<std::remove_pointer_t<WorkerInitFunction>>(*start.init);
    if (start.live_source == 0) rebuilt = resolve<TravellingDataset::Rebuild>(start.rebuild)(start_archive);
  });
  end_stranger(own);
  if (failure) {
    tell(control, *failure);
    return 1;
  }
  Source& source = rebuilt ? *rebuilt : *reinterpret_cast<Source*>(start.live_source);

  // The end of the messages is an order, too: the trainer is gone, or has given this worker up, because the fork server
  // was stopped and made it when nobody waited for it any more.
  while (auto message = next_message(control, orphaned)) {
    DecodeArchive archive(message->bytes, message->fds);
    TrainerMessage order;
    archive(order);
    if (const auto* const attachment = std::get_if<Attachment>(&order)) {
      std::optional<AttachedMemory> memory;
      if (const auto refused = failure_of([&] { memory.emplace(*attachment, archive); })) {
        tell(control, *refused);
        return 1;
      }
      read_batches(*attachment, *memory, source, role, control, orphaned);
      return 0;
    }
    const auto& question = std::get<SpecQuestion>(order);
    const WorkerMessage reply = answer(question, source, role, control);
    end_stranger(own);
    tell(control, reply);
  }
  return 0;
}

}  // namespace millrace
