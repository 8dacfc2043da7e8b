#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include "millrace/sharing/channel/connection.h"
#include "millrace/sharing/channel/errors.h"
#include "millrace/sharing/channel/message_queue.h"
#include "millrace/sharing/codec/handle_kind.h"

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
/// room in a socket, which has some thousands of them, fewer where `ulimit -n` is small. Where that is full, put()
/// waits as in a bounded queue, and without a timeout throws Full when nothing was received for 5 minutes.
///
/// Every process that has the queue can put, so get() never learns that nobody will: use a timeout, watch the producers
/// with wait(), or send a last message.
///
/// Thread safety: any thread may call anything, but close(), load() and moves need that nobody uses the object.
///
/// If a process dies here: nobody waits for it, no message is torn, none is lost but one that it was receiving, and its
/// places in a bounded queue come back; see detail::MessageQueue.
///
/// Descriptors: two in each process that has the queue, and a third in one that parks or gets parked messages, while
/// there are any; see detail::MessageQueue.
template <class T>
class Queue {
 public:
  /// A queue in which any number of messages may wait.
  Queue() : Queue(0) {}
  /// A queue in which at most `maxsize` messages wait; 0 for any number.
  explicit Queue(size_t maxsize) : messages_(maxsize) {}

  /// Puts a value at the end; waits for a place, at most `timeout` (nullopt: for ever). Throws Full, or what encoding
  /// the value throws, and then the queue is unchanged.
  void put(const T& value, Timeout timeout = std::nullopt) {
    messages_.put(detail::encode_message(value), detail::Deadline(timeout));
  }
  void put_nowait(const T& value) { put(value, std::chrono::nanoseconds(0)); }

  /// Takes the oldest message; waits for it, at most `timeout` (nullopt: for ever). Throws Empty, or DecodeError when
  /// the message is no T (it is gone then).
  T get(Timeout timeout = std::nullopt) { return decode(messages_.get(detail::Deadline(timeout))); }
  T get_nowait() { return get(std::chrono::nanoseconds(0)); }

  /// Messages in the queue. While others put and get, the answer is true for a moment only, as those of empty() and
  /// full().
  size_t qsize() {
    const auto count = messages_.count();
    return count.put - count.taken;
  }
  bool empty() const { return messages_.empty(); }
  bool full() { return messages_.maxsize() > 0 && qsize() >= messages_.maxsize(); }

  /// Lets go of the queue in this process; using the object then throws std::logic_error. Messages stay for the others.
  void close() { messages_.close(); }

  // The functions about a feeder thread, kept for programs that call them. Python's queues have such a thread, which a
  // program joins, or gives up with what it has not sent; here put() has sent it.
  void join_thread() const {}
  void cancel_join_thread() const {}

  /// Descriptors for wait(): one of them is readable when there is a message.
  std::array<int, 2> filenos() const { return messages_.filenos(); }

  void save(EncodeArchive& archive) const {
    millrace::detail::save_kind(archive, "a Queue");
    messages_.save(archive);
  }
  void load(DecodeArchive& archive) {
    millrace::detail::load_kind(archive, "a Queue");
    messages_.load(archive);
  }

 protected:
  static T decode(Arrival message) {
    T value{};
    detail::decode_message(message, value);
    return value;
  }

  detail::MessageQueue messages_;
};

}  // namespace millrace::multiprocessing
