#include "millrace/sharing/pool/worker.h"

#include <cstdlib>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/sharing/os/event_fd.h"
#include "millrace/sharing/pool/call_board.h"
#include "millrace/sharing/process/backtrace.h"

namespace millrace::multiprocessing::detail {
namespace {

class Worker {
 public:
  explicit Worker(WorkerStart& start)
      : board_(std::move(start.board), start.seat, start.number),
        bell_(std::move(start.bell)),
        socket_(std::move(start.socket)),
        tasks_left_(start.max_tasks == 0 ? UINT64_MAX : start.max_tasks) {}

  void initialize(Initializer& initializer) {
    try {
      DecodeArchive arguments(initializer.bytes, initializer.fds);
      run_call(initializer.target, arguments);
    } catch (...) {
      say(PoolMessage::kInitializerRaised, 0, encode(report_current_exception()));
      std::exit(1);
    }
  }

  void work() {
    board_.say_ready();
    while (tasks_left_ > 0) {
      if (const auto taken = board_.try_take()) {
        run(*taken);
        --tasks_left_;
      } else if (ring(), !board_.wait()) {
        return;
      }
    }
  }

 private:
  void run(const CallBoardSeat::Taken& taken) {
    auto& slot = board_.slot(taken.slot);
    Encoded result;
    try {
      const auto target = find(slot.function);
      std::span<const std::byte> bytes(slot.content, slot.bytes);
      Encoded large;
      if (slot.elsewhere != 0) {
        large = ask(PoolMessage::kAskArguments, taken.slot);
        bytes = large.bytes;
      }
      board_.begin(taken);
      result = call(target, slot.calls, bytes, large.fds);
    } catch (...) {
      board_.begin(taken);
      result = raised();
    }
    publish(taken, result);
  }

  static Encoded call(const LocalTarget& target, uint32_t count, std::span<const std::byte> bytes,
                      std::span<OwnedFd> fds) {
    DecodeArchive arguments(bytes, fds);
    EncodeArchive results;
    results(static_cast<uint8_t>(ResultKind::kValues));
    for (uint32_t i = 0; i < count; ++i) target(arguments, results);
    return results.take();
  }

  // REQUIRES: inside a catch block.
  static Encoded raised() { return encode(static_cast<uint8_t>(ResultKind::kRaised), report_current_exception()); }

  // Publishes a result, before the next call is taken, so that a later death takes nothing along.
  void publish(const CallBoardSeat::Taken& taken, const Encoded& result) {
    if (!result.fds.empty() || result.bytes.size() > CallSlot::kInlineBytes) return send(taken, result);
    auto& slot = board_.slot(taken.slot);
    std::memcpy(slot.content, result.bytes.data(), result.bytes.size());
    slot.bytes = static_cast<uint32_t>(result.bytes.size());
    board_.finish(taken);
    unreported_ = true;
    ring_if_wanted();
  }

  void send(const CallBoardSeat::Taken& taken, const Encoded& result) {
    try {
      say(PoolMessage::kResult, taken.slot, result);
    } catch (const PeerGone&) {
      throw;
    } catch (const std::exception&) {
      // More descriptors, or more memory, than can be had.
      say(PoolMessage::kResult, taken.slot, raised());
    }
  }

  // Rings the parent once more before going to sleep: the parent may have gone to sleep meanwhile, not wanting to hear
  // of every single result.
  void ring() {
    if (unreported_) ring_if_wanted();
  }

  void ring_if_wanted() {
    if (!board_.takes_bell()) return;
    unreported_ = false;
    bell_.signal();
  }

  const LocalTarget& find(uint32_t number) {
    const auto known = functions_.find(number);
    if (known != functions_.end()) return known->second;
    auto answer = ask(PoolMessage::kAskFunction, number);
    Target target;
    DecodeArchive(answer.bytes, answer.fds)(target);
    return functions_.emplace(number, LocalTarget(target)).first->second;
  }

  void say(PoolMessage what, uint32_t number, const Encoded& content) const {
    const PoolMessageHead head{what, number};
    const auto head_bytes = std::as_bytes(std::span(&head, 1));
    std::vector<std::byte> bytes(head_bytes.begin(), head_bytes.end());
    bytes.insert(bytes.end(), content.bytes.begin(), content.bytes.end());
    socket_.send(bytes, content.fd_numbers());
  }

  // Whatever happens to the parent, this process is killed with it.
  Encoded ask(PoolMessage what, uint32_t number) const {
    say(what, number, {});
    auto answer = socket_.receive();
    if (!answer) throw PeerGone("the process that a pool's worker belongs to is gone");
    return {std::move(answer->bytes), std::move(answer->fds)};
  }

  CallBoardSeat board_;
  EventFd bell_;
  FdSocket socket_;
  uint64_t tasks_left_;
  bool unreported_ = false;  // Something is done that the bell has not been rung for.
  std::unordered_map<uint32_t, LocalTarget> functions_;
};

}  // namespace

void run_pool_worker(WorkerStart& start, std::optional<Initializer>& initializer) {
  Worker worker(start);
  if (initializer) worker.initialize(*initializer);
  worker.work();
}

}  // namespace millrace::multiprocessing::detail
