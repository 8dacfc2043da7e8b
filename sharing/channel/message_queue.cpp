#include "millrace/sharing/channel/message_queue.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "millrace/sharing/channel/wait.h"
#include "millrace/sharing/memory/probe.h"
#include "millrace/sharing/os/file_size.h"
#include "millrace/sharing/os/futex.h"
#include "millrace/sharing/os/memfd.h"
#include "millrace/sharing/os/poll.h"
#include "millrace/sharing/os/syscall.h"
#include "millrace/sharing/sync/robust_mutex.h"

namespace millrace::multiprocessing::detail {

/// The queue's state in shared memory. The counts are 64 bits, so a write is never torn, and they never run over.
struct QueueState {
  explicit QueueState(uint64_t most) : maxsize(most) {}

  const uint64_t maxsize;
  RobustMutex mutex;

  std::atomic<uint64_t> sent = 0;      ///< The next message's number. Written under the mutex, before the message goes.
  std::atomic<uint64_t> received = 0;  ///< All messages below it are out of the queue. Grows only.

  // Counts of bytes that were ever parked. Written under the mutex; a record counts once parked_end is behind it.
  std::atomic<uint64_t> parked_begin = 0;
  std::atomic<uint64_t> parked_end = 0;
  uint64_t parked_freed = 0;

  // The number of the file that holds the parked messages. Changed while nothing is parked.
  uint64_t parking_number = 0;
  // The count of parked bytes at that file's beginning. Changed while nothing is parked.
  uint64_t parking_base = 0;

  // A sleeper sets `waiting` itself before it looks at `received` a last time. Killed asleep, it costs one wake-up.
  std::atomic<uint32_t> waiting = 0;
  std::atomic<uint32_t> progress = 0;  ///< Futex: counts the wake-ups.
};

static_assert(std::atomic<uint64_t>::is_always_lock_free);

namespace {

using millrace::detail::retry_interrupted;

// Room in the socket. More holds more messages before they have to be parked, but messages that have left the
// processor's cache on their way cost twice the time.
constexpr int kSocketBytes = 1 << 20;

// How long a put() leaves receivers to make room in a full socket, before it parks its message.
constexpr std::chrono::milliseconds kPatience{10};

// How often a sleeper looks for itself whether the process that would have woken it has died.
constexpr std::chrono::milliseconds kLook{50};

// How long a put() without timeout waits in an unbounded queue for room for descriptors while nobody receives anything.
constexpr std::chrono::minutes kStalled{5};

// The mutex is held for microseconds, so even who does not want to wait waits for it; this long only for a stopped
// process.
constexpr std::chrono::seconds kLockLimit{1};

// The parking file's memory is asked for, and given back, in steps of this size.
constexpr uint64_t kParkingStep = uint64_t{1} << 20;
constexpr uint64_t kAskForMemoryEvery = uint64_t{16} << 20;
constexpr uint64_t kPage = 4096;

struct ParkedHeader {
  uint64_t number = 0;
  uint64_t bytes = 0;
};

ParkedHeader read_header(int file, uint64_t at) {
  ParkedHeader header;
  const auto got = MILLRACE_SYSCALL(::pread(file, &header, sizeof header, static_cast<off_t>(at)), at);
  if (got != static_cast<ssize_t>(sizeof header)) throw std::runtime_error("a queue's parked messages were cut short");
  return header;
}

void read_at(int file, std::span<std::byte> bytes, uint64_t at) {
  while (!bytes.empty()) {
    const auto got = MILLRACE_SYSCALL(::pread(file, bytes.data(), bytes.size(), static_cast<off_t>(at)), at);
    if (got == 0) throw std::runtime_error("a queue's parked messages were cut short");
    bytes = bytes.subspan(static_cast<size_t>(got));
    at += static_cast<uint64_t>(got);
  }
}

void write_at(int file, const ParkedHeader& header, std::span<const std::byte> bytes, uint64_t at) {
  require_file_size(at + sizeof header + bytes.size(),
                    "the file of a queue's messages that wait, which has to grow to hold one more,");
  std::array<iovec, 2> parts = {iovec{const_cast<ParkedHeader*>(&header), sizeof header},
                                iovec{const_cast<std::byte*>(bytes.data()), bytes.size()}};
  auto written = static_cast<size_t>(
      MILLRACE_SYSCALL(::pwritev(file, parts.data(), parts.size(), static_cast<off_t>(at)), bytes.size()));
  // Files in memory take all of it, save for 2 GiB a call.
  while (written < sizeof header + bytes.size()) {
    const auto rest = bytes.subspan(written - sizeof header);
    written += static_cast<size_t>(
        MILLRACE_SYSCALL(::pwrite(file, rest.data(), rest.size(), static_cast<off_t>(at + written)), rest.size()));
  }
}

void require_memory(uint64_t bytes) {
  const auto room = memory_room();
  if (!room || bytes <= room->bytes - room->bytes / 10) return;
  throw OutOfSharedMemory("a queue nobody reads from needs " + std::to_string(bytes) +
                              " bytes more for its messages, but only " + std::to_string(room->bytes) +
                              " are left (limited by " + room->limited_by + "): give the queue a maxsize",
                          bytes, room->bytes);
}

}  // namespace

/// Holds the mutex, if it could be had before the deadline (or a second, whatever is later).
class MessageQueue::Locked {
 public:
  Locked(const MessageQueue& queue, const Deadline& deadline) : mutex_(queue.state().mutex) {
    taken_ = mutex_.try_lock();
    if (taken_ == Taken::kNo)
      taken_ = mutex_.lock(deadline.left(kLockLimit) < kLockLimit ? Deadline(kLockLimit) : deadline);
    if (taken_ == Taken::kHeldByCaller)
      throw std::logic_error("a queue is used by a signal handler that interrupted it");
  }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;
  ~Locked() {
    if (*this) mutex_.unlock();
  }

  explicit operator bool() const { return taken_ == Taken::kYes || taken_ == Taken::kOwnerDied; }

 private:
  RobustMutex& mutex_;
  Taken taken_;
};

MessageQueue::MessageQueue(size_t maxsize) : memory_(create_memory<QueueState>("queue", 0, uint64_t{maxsize})) {
  auto [in, out] = FdSocket::pair();
  MILLRACE_SYSCALL(::setsockopt(in.fd(), SOL_SOCKET, SO_SNDBUF, &kSocketBytes, sizeof kSocketBytes));
  in_ = std::move(in);
  out_ = std::move(out);
}

QueueState& MessageQueue::state() const {
  if (!memory_) throw std::logic_error("a queue is used after it was closed or moved away");
  return memory_->as<QueueState>();
}

size_t MessageQueue::maxsize() const { return state().maxsize; }

bool MessageQueue::has_parked() const { return state().parked_begin.load() != state().parked_end.load(); }

void MessageQueue::put(const Encoded& encoded, const Deadline& deadline) {
  const auto fds = encoded.fd_numbers();
  const Outgoing message(encoded.bytes, fds);
  Deadline stalled(kStalled);
  for (uint64_t before = state().received.load();;) {
    const uint64_t received = state().received.load();
    if (std::exchange(before, received) != received) stalled = Deadline(kStalled);
    Offer offered = Offer::kNoPlace;
    if (const Locked lock(*this, deadline); lock) offered = offer(message);
    if (offered == Offer::kTaken) return;
    // Nothing else: where the kernel accepts no more descriptors, a socket that has room says nothing, and the parking
    // file would not be accepted either.
    if (fds.empty() && offered == Offer::kSocketFull) {
      if (has_room_soon(deadline)) continue;
      if (const Locked lock(*this, deadline); lock && offer_place_in_parking(message) == Offer::kTaken) return;
    }
    if (deadline.passed()) throw Full("the queue is full");
    if (!deadline.at() && state().maxsize == 0 && stalled.passed())
      throw Full(
          "a message found no room in the queue's socket, and as it carries descriptors, or there are too many of them "
          "on their way (ulimit -n), it cannot wait elsewhere; nobody has received anything for 5 min");
    // A message that could not be parked just now waits too: each try writes it to a new file.
    wait_for_progress(received, deadline);
  }
}

// Whether the socket has room for many messages before the put() loses its patience.
bool MessageQueue::has_room_soon(const Deadline& deadline) const {
  pollfd watched{in_.fd(), POLLOUT, 0};
  return poll_until({&watched, 1}, Deadline(deadline.left(kPatience))) > 0;
}

// Waits until some process has received a message, or it is time to look again.
void MessageQueue::wait_for_progress(uint64_t received, const Deadline& deadline) {
  auto& s = state();
  const uint32_t progress = s.progress.load();
  s.waiting.store(1);
  if (s.received.load() != received) return;  // Either we see that, or its author sees us waiting.
  futex_wait(s.progress, progress, deadline.left(kLook));
}

MessageQueue::Offer MessageQueue::offer(const Outgoing& message) {
  if (!has_place()) return Offer::kNoPlace;
  if (!has_parked()) {
    parking_.reset();  // Another process took the last one.
    return send(message);
  }
  // The message does not go into the socket, where it would overtake parked ones.
  return message.fds().empty() ? offer_place_in_parking(message) : Offer::kBehindParked;
}

MessageQueue::Offer MessageQueue::offer_place_in_parking(const Outgoing& message) {
  return has_place() ? park(message) : Offer::kNoPlace;
}

bool MessageQueue::has_place() {
  auto& s = state();
  if (s.maxsize == 0 || s.sent.load() - s.received.load() < s.maxsize) return true;
  catch_up();
  return s.sent.load() - s.received.load() < s.maxsize;
}

MessageQueue::Offer MessageQueue::send(const Outgoing& message) {
  // Only the holder of the mutex gives out numbers, so an unused one can be taken back.
  struct Number {
    QueueState& s;
    const uint64_t value = s.sent.load();
    bool used = false;
    explicit Number(QueueState& queue) : s(queue) { s.sent.store(value + 1); }
    ~Number() {
      if (!used) s.sent.store(value);
    }
  } number(state());
  switch (in_.try_send(message, number.value)) {
    case FdSocket::Sent::kYes:
      number.used = true;
      return Offer::kTaken;
    case FdSocket::Sent::kSocketFull:
      return Offer::kSocketFull;
    case FdSocket::Sent::kTooManyDescriptors:
      return Offer::kTooManyDescriptors;
  }
  return Offer::kSocketFull;
}

MessageQueue::Offer MessageQueue::park(const Outgoing& message) {
  auto& s = state();
  const auto bytes = message.bytes();
  const uint64_t at = s.parked_end.load();
  const uint64_t end = at + sizeof(ParkedHeader) + bytes.size();
  if (at / kAskForMemoryEvery != end / kAskForMemoryEvery)
    require_memory(std::max<uint64_t>(bytes.size(), kAskForMemoryEvery));
  const uint64_t number = s.sent.load();
  const bool first = !has_parked();
  if (first) {
    end_parking();  // Takes the file away that a process left which died with it sent and nothing parked.
    parking_ = create_growing_memfd("queue's parking");
    s.parking_base = at;
    s.parked_freed = at;
    parking_number_ = ++s.parking_number;
  }
  write_at(parking(), {number, bytes.size()}, bytes, at - s.parking_base);
  // The file is announced before anything counts as parked, since no message may be parked that nobody can find.
  if (first)
    if (const Offer offered = announce_parking(); offered != Offer::kTaken) return offered;
  s.sent.store(number + 1);
  s.parked_end.store(end);
  return Offer::kTaken;
}

MessageQueue::Offer MessageQueue::announce_parking() {
  const std::array fds = {parking_.get()};
  switch (out_.try_send(Outgoing({}, fds))) {
    case FdSocket::Sent::kYes:
      return Offer::kTaken;
    case FdSocket::Sent::kSocketFull:
      return Offer::kSocketFull;
    case FdSocket::Sent::kTooManyDescriptors:
      return Offer::kTooManyDescriptors;
  }
  return Offer::kSocketFull;
}

// The file of the messages that are parked.
int MessageQueue::parking() {
  const uint64_t number = state().parking_number;
  if (parking_ && parking_number_ == number) return parking_.get();
  Arrival file;
  if (in_.try_peek_into(file) != FdSocket::Received::kMessage || file.fds.size() != 1)
    throw std::runtime_error("the file of a queue's parked messages is gone");
  parking_ = std::move(file.fds.front());
  parking_number_ = number;
  return parking_.get();
}

// Takes the file away, and with it what wakes those who wait. Takes no descriptor, so that a get() at the limit of open
// files does not lose the message it has read. REQUIRES: nothing is parked.
void MessageQueue::end_parking() {
  parking_.reset();
  while (in_.try_discard()) continue;
}

Arrival MessageQueue::get(const Deadline& deadline) {
  Arrival message;
  for (;;) {
    // Looked at by itself: while messages are parked there is always something to wake up for, also where a stopped
    // process has the mutex and nobody gets them.
    const bool last_try = deadline.passed();
    if (try_get(message)) return message;
    if (last_try || !wait_for_message(deadline)) throw Empty("the queue is empty");
  }
}

bool MessageQueue::try_get(Arrival& message) {
  state();  // Throws once it is closed.
  if (out_.try_receive_into(message) != FdSocket::Received::kMessage) {
    if (!has_parked()) return false;
    const Locked lock(*this, Deadline(kLockLimit));
    if (!lock) return false;
    // Looked at again: what is in the socket is older than what is parked.
    if (out_.try_receive_into(message) != FdSocket::Received::kMessage && !unpark(message)) return false;
  }
  note_received(message.tag);
  return true;
}

bool MessageQueue::wait_for_message(const Deadline& deadline) {
  const auto fds = filenos();
  std::array<pollfd, 2> watched = {pollfd{fds[0], POLLIN, 0}, pollfd{fds[1], POLLIN, 0}};
  if (poll_until(watched, deadline) == 0) return false;
  if (watched[1].revents != 0 && !has_parked()) {
    // Left behind by a process that took the last parked message and died.
    if (const Locked lock(*this, deadline); lock && !has_parked()) end_parking();
  }
  return true;
}

bool MessageQueue::unpark(Arrival& message) {
  auto& s = state();
  const uint64_t at = s.parked_begin.load();
  if (at == s.parked_end.load()) return false;
  const int file = parking();
  const auto header = read_header(file, at - s.parking_base);
  read_at(file, message.allocate(header.bytes), at - s.parking_base + sizeof header);
  message.tag = header.number;
  s.parked_begin.store(at + sizeof header + header.bytes);
  free_parked();
  if (!has_parked()) end_parking();
  return true;
}

// Gives back the memory of records that were read.
void MessageQueue::free_parked() {
  auto& s = state();
  const uint64_t begin = s.parked_begin.load();
  const uint64_t end = s.parking_base + (begin - s.parking_base) / kPage * kPage;
  if (end <= s.parked_freed || (has_parked() && end - s.parked_freed < kParkingStep)) return;
  const auto from = static_cast<off_t>(s.parked_freed - s.parking_base);
  const auto length = static_cast<off_t>(end - s.parked_freed);
  // Should it fail, the next one frees this too; the message at hand must not be lost over it.
  if (::fallocate(parking_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from, length) == 0) s.parked_freed = end;
}

void MessageQueue::note_received(uint64_t number) {
  auto& s = state();
  uint64_t known = s.received.load();
  while (known <= number && !s.received.compare_exchange_weak(known, number + 1)) {
  }
  if (s.waiting.load() == 0 || s.waiting.exchange(0) == 0) return;
  s.progress.fetch_add(1);
  futex_wake_all(s.progress);
}

// Counts as received all that stands before the head of the line, whoever did not come to count it.
void MessageQueue::catch_up() {
  auto& s = state();
  uint64_t head = s.sent.load();
  if (const auto in_socket = out_.peek_tag())
    head = *in_socket;
  else if (has_parked())
    head = read_header(parking(), s.parked_begin.load() - s.parking_base).number;
  if (head > 0) note_received(head - 1);
}

MessageQueue::Counts MessageQueue::count() {
  auto& s = state();
  const Locked lock(*this, Deadline(kLockLimit));
  if (lock) catch_up();
  const uint64_t received = s.received.load();  // Before `sent`, which is never less.
  return {s.sent.load(), received};
}

uint64_t MessageQueue::put_count() const { return state().sent.load(); }

bool MessageQueue::empty() const { return !has_parked() && !poll_readable(out_.fd(), std::chrono::nanoseconds(0)); }

std::array<int, 2> MessageQueue::filenos() const {
  state();
  return {out_.fd(), in_.fd()};
}

void MessageQueue::close() {
  memory_.reset();
  in_.close();
  out_.close();
  parking_.reset();
}

void MessageQueue::save(EncodeArchive& archive) const {
  state();
  memory_->send(archive);
  for (const int fd : {in_.fd(), out_.fd()}) archive.attach(fd);
}

void MessageQueue::load(DecodeArchive& archive) {
  memory_ = SyncMemory::receive(archive, sizeof(QueueState));
  in_ = FdSocket(archive.detach());
  out_ = FdSocket(archive.detach());
  parking_.reset();
}

}  // namespace millrace::multiprocessing::detail
