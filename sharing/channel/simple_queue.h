#pragma once

#include "millrace/sharing/channel/queue.h"

namespace millrace::multiprocessing {

/// Python's SimpleQueue: a Queue without bound, timeouts or counts. Unlike Python's, its put() does not wait when 64
/// KiB lie unread. All else is as with Queue.
template <class T>
class SimpleQueue {
 public:
  void put(const T& value) { queue_.put(value); }
  T get() { return queue_.get(); }
  bool empty() const { return queue_.empty(); }
  void close() { queue_.close(); }

  /// Descriptors for wait(): one of them is readable when there is a message.
  std::array<int, 2> filenos() const { return queue_.filenos(); }

  void save(EncodeArchive& archive) const { queue_.save(archive); }
  void load(DecodeArchive& archive) { queue_.load(archive); }

 private:
  Queue<T> queue_;
};

}  // namespace millrace::multiprocessing
