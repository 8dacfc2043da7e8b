#include "millrace/sharing/pool/item_feed.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

namespace millrace::multiprocessing::detail {
namespace {

constexpr size_t kMostChunks = 1024;  // Four times the board.
constexpr size_t kMostBytes =
    64 * 1'024 * 1'024;  // Bytes of arguments and results on their way, beside what keeps workers busy.
constexpr auto kQuick = std::chrono::milliseconds(2);  // A range that takes longer is read item by item.

}  // namespace

ItemFeed::ItemFeed(std::unique_ptr<ItemSource> source, std::shared_ptr<ImapJobBase> job, size_t processes,
                   Submit submit, std::function<void()> ended)
    : source_(std::move(source)),
      job_(std::move(job)),
      submit_(std::move(submit)),
      ended_(std::move(ended)),
      most_(std::max(kMostChunks, 2 * processes)),
      least_(processes),
      window_(2 * processes) {}

ItemFeed::~ItemFeed() {
  if (source_) ended_();
}

void ItemFeed::begin() {
  const std::lock_guard lock(mutex_);
  const auto start = std::chrono::steady_clock::now();
  bool more = true;
  std::exception_ptr broken;
  try {
    do more = take_chunk();
    while (more && packed_.size() < window_ && std::chrono::steady_clock::now() - start < kQuick);
  } catch (...) {
    broken = std::current_exception();
  }
  if (!packed_.empty()) submit_(std::exchange(packed_, {}));
  if (broken)
    end_with(broken);
  else if (!more)
    end();
}

ItemFeed::Turn ItemFeed::keep_ahead() {
  Turn turn(*this);
  const std::lock_guard lock(mutex_);
  if (!source_ || ahead() > window_ / 2 + taking_) return turn;
  const size_t bytes = job_->bytes() + bytes_ / std::max<size_t>(items_, 1) * (items_ - job_->given());
  if (bytes > kMostBytes && ahead() >= least_ + taking_) return turn;
  const auto start = std::chrono::steady_clock::now();
  fill(window_);
  if (std::chrono::steady_clock::now() - start < kQuick && bytes < kMostBytes / 2)
    window_ = std::min(2 * window_, most_);
  return turn;
}

void ItemFeed::drain() {
  for (bool more = true; more;) {
    const std::lock_guard lock(mutex_);
    if (source_) fill(ahead() + most_);
    more = source_ != nullptr;
  }
}

size_t ItemFeed::ahead() const { return (items_ - job_->given()) / chunk_items_; }

void ItemFeed::fill(size_t wanted) {
  auto submitted = std::chrono::steady_clock::now();
  bool more = true;
  while (source_ && ahead() < wanted + taking_) {
    try {
      more = take_chunk();
    } catch (...) {
      return fail();
    }
    if (!more) break;
    if (std::chrono::steady_clock::now() - submitted < kQuick) continue;
    submit_packed();                                     // No worker waits for a slow range then.
    if (job_->has_next() && ahead() >= taking_) return;  // There is a call for everybody who waits.
    submitted = std::chrono::steady_clock::now();
  }
  submit_packed();
  if (!more && source_) end();  // Not earlier: the workers of a closed pool leave with the last feed.
}

bool ItemFeed::take_chunk() {
  auto task = source_->next();
  if (!task) return false;
  items_ += task->count;
  bytes_ += task->arguments.bytes.size();
  chunk_items_ = std::max(chunk_items_, task->count);
  packed_.push_back(std::move(*task));
  return true;
}

void ItemFeed::submit_packed() {
  if (packed_.empty()) return;
  const size_t first = packed_.front().first;
  try {
    submit_(std::exchange(packed_, {}));
  } catch (...) {
    items_ = first;  // The pool took none of them.
    fail();
  }
}

// The exception at hand is the last result: behind those of the items that were read before.
void ItemFeed::fail() {
  const auto error = std::current_exception();
  submit_packed();
  if (!source_) return;  // That failed too.
  end_with(error);
}

void ItemFeed::end_with(const std::exception_ptr& error) {
  job_->fail_at(items_++, error);
  end();
}

void ItemFeed::end() {
  source_.reset();
  job_->end_at(items_);
  ended_();
}

}  // namespace millrace::multiprocessing::detail
