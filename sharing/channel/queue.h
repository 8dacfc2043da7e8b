#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include "millrace/sharing/channel/connection.h"
#include "millrace/sharing/channel/errors.h"
#include "millrace/sharing/channel/message_queue.h"

namespace millrace::multiprocessing {

/// A first-in, first-out queue of T for any number of processes and threads that put and get. T is any type that the
/// codec knows, with a default constructor. Pass it to a process by std::ref, or send it through a pipe or a queue; all
/// its copies are one queue.
///
///   mp::Queue<int> queue;
///   mp::Process p(foo, 1, std::ref(queue));
///
/// When put() has returned, the message is in the queue for good: there is no feeder thread and nothing to join, the
/// process may end or be killed at once, and tensors and descriptors inside the message arrive all the same. What
/// cannot be encoded throws in put(), in the caller.
///
/// Without maxsize the queue is bounded by memory: put() never waits for anybody to get, but for 10 ms where that
/// spares a detour, see detail::MessageQueue. Only messages that carry descriptors (tensors new to the receiver) need
/// room in a socket: some thousands of them fit, fewer where `ulimit -n` is small, then put() waits as in a bounded
/// queue, and without a timeout throws Full when nothing was received for 5 minutes.
///
/// Every process that has the queue can put, so get() never learns that nobody will: use a timeout, watch the producers
/// with wait(), or send a last message.
///
/// Thread safety: everything but close(), load() and moves, which need that nobody uses the object.
/// If a process dies here: see detail::MessageQueue; nobody waits for it, no message is torn or lost but one it was
/// receiving, and its places in a bounded queue come back.
/// Descriptors: two in each process that has the queue, and a third in one that parks or gets parked messages, while
/// there are any; see detail::MessageQueue.
template <class T>
class Queue {
 public:
  /// Any number of messages wait in it.
  Queue() : Queue(0) {}
  /// At most `maxsize` messages wait in it; 0 for any number.
  explicit Queue(size_t maxsize) : messages_(maxsize) {}

  /// Waits for a place, at most `timeout` (nullopt: for ever). Throws Full, or what encoding the value throws, and then
  /// the queue is unchanged.
  void put(const T& value, Timeout timeout = std::nullopt) {
    messages_.put(detail::encode_message(value), detail::Deadline(timeout));
  }
  void put_nowait(const T& value) { put(value, std::chrono::nanoseconds(0)); }

  /// The oldest message; waits for it, at most `timeout` (nullopt: for ever). Throws Empty, or DecodeError when it is
  /// no T (the message is gone then).
  T get(Timeout timeout = std::nullopt) { return decode(messages_.get(detail::Deadline(timeout))); }
  T get_nowait() { return get(std::chrono::nanoseconds(0)); }

  /// Messages in it. True for a moment only, as are empty() and full(), while others put and get.
  size_t qsize() {
    const auto count = messages_.count();
    return count.put - count.taken;
  }
  bool empty() const { return messages_.empty(); }
  bool full() { return messages_.maxsize() > 0 && qsize() >= messages_.maxsize(); }

  /// Lets go of the queue in this process; using the object then throws std::logic_error. Messages stay for the others.
  void close() { messages_.close(); }

  // Python's queues have a feeder thread that a program joins, or gives up with what it has not sent; here put() has
  // sent it. Kept for programs that call them.
  void join_thread() const {}
  void cancel_join_thread() const {}

  /// For wait(): one of them is readable when there is a message.
  std::array<int, 2> filenos() const { return messages_.filenos(); }

  void save(EncodeArchive& archive) const { messages_.save(archive); }
  void load(DecodeArchive& archive) { messages_.load(archive); }

 protected:
  static T decode(Arrival message) {
    T value{};
    detail::decode_message(message, value);
    return value;
  }

  detail::MessageQueue messages_;
};

}  // namespace millrace::multiprocessing
