#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "millrace/sharing/channel/errors.h"
#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/os/deadline.h"
#include "millrace/sharing/os/owned_fd.h"
#include "millrace/sharing/sync/sync_memory.h"

namespace millrace::multiprocessing::detail {

struct QueueState;

/// What all queues are made of: encoded messages from any process to any process, first in, first out.
///
/// How it works. A message is one packet in a socket of which every process holds both ends: the kernel keeps it whole
/// and hands it to one receiver, and it outlives its sender. put() gives messages consecutive numbers, under a mutex,
/// so that the socket's order is the numbers' order; get() takes the packet, without any lock, and notes "all below
/// number + 1 have been received". The messages in the queue are those between the two counts, and maxsize bounds their
/// difference. Since the socket is a line, one received number vouches for all before it: whatever a dead process left
/// uncounted is made good by the next message, or by a look at the head of the line.
///
/// A socket holds some thousands of messages (memory up to net.core.wmem_max). A put() that finds it full gives the
/// receivers 10 ms and then parks its message in a shared memory file, as does every later one until that is empty; so
/// put() never waits for a receiver because of the socket's size. Only messages that carry descriptors cannot be
/// parked: they wait for room in the socket. (The kernel keeps descriptors on their way nowhere else, and no more of
/// them than a user's `ulimit -n`.)
///
/// The file is made when the first message is parked, and sent as a message's descriptor in the direction of the socket
/// that is not used otherwise. It lies there for as long as messages are parked. A process that needs the file takes a
/// copy without taking the message (MSG_PEEK). Since the message makes this end readable, it also wakes whoever waits.
/// So neither file nor wake-up costs a descriptor of its own. When a user's descriptors on their way are at their limit
/// no file can be sent, and put() waits as for a message with descriptors.
///
/// If a process dies
///   in put(), before the packet is sent: the message was never in the queue. Its number, and in a bounded queue its
///     place, is missed until a later message is received or the line is found empty, which a put() that finds no place
///     looks at: at once and every 50 ms;
///   in put(), after that: the message arrives. (put() had not returned, so its caller could not know.)
///   while it parks a message: as before it is sent; what it wrote is overwritten, and the file, had it been sent for
///     nothing, is taken away by who waits or parks next;
///   holding the mutex: the kernel passes it on;
///   after put() has returned: nothing is lost, as long as some process has the queue;
///   in get(), before the packet is received: nothing happened;
///   in get(), after that: the message is lost with its receiver, and its place comes back as above;
///   waiting: one needless wake-up.
/// A process that is stopped (SIGSTOP) within the microsecond in which it holds the mutex delays other puts until it
/// goes on; they end with Full at their timeout.
///
/// Thread safety: all calls may come from any thread, but load(), close() and moves need that nobody uses the object.
/// Descriptors: two, and one more while messages are parked.
class MessageQueue {
 public:
  /// A queue of at most `maxsize` messages; 0: as many as memory holds.
  explicit MessageQueue(size_t maxsize);
  MessageQueue(MessageQueue&&) noexcept = default;
  MessageQueue& operator=(MessageQueue&&) noexcept = default;

  /// Puts a message at the end. Throws Full at the deadline. In an unbounded queue, a message with descriptors and
  /// without a deadline gets Full when nothing was received for 5 minutes. Throws OutOfSharedMemory when a message had
  /// to be parked and there is no memory.
  void put(const Encoded& message, const Deadline& deadline);

  /// Takes the first message. Throws Empty at the deadline.
  Arrival get(const Deadline& deadline);

  /// Takes the first message if there is one: a part of get().
  bool try_get(Arrival& message);
  /// Waits until there may be a message: a part of get(). False at the deadline.
  bool wait_for_message(const Deadline& deadline);

  /// Messages put, and how many of these are certain to have been taken or lost; the queue holds the difference. The
  /// counts are exact while nobody puts or gets, but for messages whose sender died (see above).
  struct Counts {
    uint64_t put = 0;
    uint64_t taken = 0;
  };
  Counts count();

  /// The number of messages put, as in count(), without looking after the dead.
  uint64_t put_count() const;

  /// Whether try_get() would find nothing.
  bool empty() const;

  /// The most messages that the queue may hold; 0: unbounded.
  size_t maxsize() const;

  void close();
  bool closed() const { return !memory_; }

  /// Descriptors of which one is readable when there is a message.
  std::array<int, 2> filenos() const;

  void save(EncodeArchive& archive) const;
  void load(DecodeArchive& archive);

 private:
  enum class [[nodiscard]] Offer { kTaken, kNoPlace, kSocketFull, kTooManyDescriptors, kBehindParked };
  class Locked;

  QueueState& state() const;
  bool has_parked() const;
  void note_received(uint64_t number);
  void wait_for_progress(uint64_t received, const Deadline& deadline);
  bool has_room_soon(const Deadline& deadline) const;

  // REQUIRES: the mutex.
  Offer offer(const Outgoing& message);
  Offer offer_place_in_parking(const Outgoing& message);
  bool has_place();
  Offer send(const Outgoing& message);
  Offer park(const Outgoing& message);
  Offer announce_parking();
  int parking();
  void end_parking();
  bool unpark(Arrival& message);
  void catch_up();
  void free_parked();

  std::shared_ptr<SyncMemory> memory_;
  FdSocket in_;  // Messages go in here; the other direction holds the file of parked ones.
  FdSocket out_;

  // A copy of the file, kept while it is of use: records of ParkedHeader and bytes. REQUIRES: the mutex.
  OwnedFd parking_;
  uint64_t parking_number_ = 0;  // The QueueState::parking_number that the file had.
};

}  // namespace millrace::multiprocessing::detail
