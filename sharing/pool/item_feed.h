#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/pool/job.h"

namespace millrace::multiprocessing::detail {

/// A task as it is submitted: some calls, one after the other in one worker.
struct PoolTask {
  size_t first = 0;
  size_t count = 1;
  Encoded arguments;
};

/// The items of an imap, encoded in chunks when they are asked for.
class ItemSource {
 public:
  virtual ~ItemSource() = default;

  /// The next task; nullopt behind the last. Throws what reading or encoding an item throws, and is not asked again.
  virtual std::optional<PoolTask> next() = 0;
};

/// Keeps an imap's calls ahead of the results that are taken: so far that no worker waits, and no further, since the
/// range may have no end. The items are read by the threads that take results. Thread-safe.
class ItemFeed {
 public:
  using Submit = std::function<void(std::vector<PoolTask>)>;

  /// `submit` throws when the pool takes no more calls. `ended` is called once, when there is nothing more to submit.
  ItemFeed(std::unique_ptr<ItemSource> source, std::shared_ptr<ImapJobBase> job, size_t processes, Submit submit,
           std::function<void()> ended);
  ~ItemFeed();
  ItemFeed(const ItemFeed&) = delete;
  ItemFeed& operator=(const ItemFeed&) = delete;

  /// Submits the first calls. Throws what the pool throws; later calls make that a result, in its place. What the
  /// source throws is always a result.
  void begin();

  /// A thread's turn at taking a result: while one lives, there is a call for it.
  class Turn {
   public:
    explicit Turn(ItemFeed& feed) : feed_(&feed) { ++feed.taking_; }
    ~Turn() {
      if (feed_) --feed_->taking_;
    }
    Turn(Turn&& other) noexcept : feed_(std::exchange(other.feed_, nullptr)) {}
    Turn& operator=(Turn&&) = delete;

   private:
    ItemFeed* feed_;
  };

  /// Submits the calls that should be on their way while a result is waited for.
  [[nodiscard]] Turn keep_ahead();

  /// Submits all calls that are left, for a pool that is joined before the results are taken.
  void drain();

 private:
  void fill(size_t ahead);
  bool take_chunk();
  void submit_packed();
  void fail();
  void end_with(const std::exception_ptr& error);
  void end();
  size_t ahead() const;

  std::mutex mutex_;
  std::unique_ptr<ItemSource> source_;  // Null at its end.
  const std::shared_ptr<ImapJobBase> job_;
  const Submit submit_;
  const std::function<void()> ended_;
  const size_t most_;       // Chunks that may be ahead at most.
  const size_t least_;      // Chunks that are ahead at least, however large they are.
  size_t window_;           // Chunks that are to be ahead: it grows while that costs no time.
  size_t chunk_items_ = 1;  // Items in the largest chunk.
  size_t items_ = 0;        // Items read so far.
  size_t bytes_ = 0;        // Bytes that the items took.
  std::vector<PoolTask> packed_;
  std::atomic<size_t> taking_ = 0;  // Threads in a Turn.
};

}  // namespace millrace::multiprocessing::detail
