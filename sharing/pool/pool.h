#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <initializer_list>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "millrace/sharing/os/deadline.h"
#include "millrace/sharing/pool/async_result.h"
#include "millrace/sharing/pool/chunksize.h"
#include "millrace/sharing/pool/errors.h"
#include "millrace/sharing/pool/function_table.h"
#include "millrace/sharing/pool/item_feed.h"
#include "millrace/sharing/pool/job.h"
#include "millrace/sharing/process/call.h"
#include "millrace/sharing/process/context.h"

namespace millrace::multiprocessing {

namespace detail {

template <class F>
using ResultOf = std::decay_t<typename millrace::detail::SignatureOf<F>::Result>;

/// The type that items in braces have for a function pointer: its one parameter for a map, a tuple of all for a
/// starmap. Where there is no such type this has no member, so that a range is taken instead.
template <class Pointer>
struct ListedItems {};
template <class R, class P>
struct ListedItems<R (*)(P)> {
  using Item = std::decay_t<P>;
  using Tuple = std::tuple<std::decay_t<P>>;
};
template <class R, class... P>
  requires(sizeof...(P) > 1)
struct ListedItems<R (*)(P...)> {
  using Tuple = std::tuple<std::decay_t<P>...>;
};
template <class R, class... P>
struct ListedItems<R (*)(P...) noexcept> : ListedItems<R (*)(P...)> {};

template <class F>
struct ListedItemsOf {
  using Item = millrace::detail::OfNoTarget;
  using Tuple = millrace::detail::OfNoTarget;
};
template <millrace::detail::ConvertsToFunctionPointer F>
struct ListedItemsOf<F> : ListedItems<decltype(+std::declval<F>())> {};

template <class F>
using ListOfItems = std::initializer_list<typename ListedItemsOf<F>::Item>;
template <class F>
using ListOfTuples = std::initializer_list<typename ListedItemsOf<F>::Tuple>;

template <class T>
struct IsCallbacks : std::false_type {};
template <class T>
struct IsCallbacks<Callbacks<T>> : std::true_type {};

}  // namespace detail

/// How to make a Pool: `mp::PoolOptions(4).initializer(open_files, path).maxtasksperchild(100)`.
class PoolOptions {
 public:
  /// The number of workers; 0: one for each CPU that this process may use.
  PoolOptions(int processes = 0) : processes_(processes) {}

  /// A call that each worker runs before its first one. If it throws, the pool is broken: all calls throw BrokenPool.
  template <class F, class... Arguments>
  PoolOptions& initializer(F&& function, Arguments&&... arguments) {
    initializer_ = std::make_shared<Call>(pack_call<ResultUse::kDrop>(function, std::forward<Arguments>(arguments)...));
    return *this;
  }

  /// The tasks after which a worker is replaced, a chunk of a map being one; 0: never.
  PoolOptions& maxtasksperchild(uint32_t tasks) {
    maxtasksperchild_ = tasks;
    return *this;
  }

  /// The way workers are started; without it, get_start_method().
  PoolOptions& start_method(StartMethod method) {
    method_ = method;
    return *this;
  }

 private:
  friend class Pool;

  int processes_;
  std::shared_ptr<Call> initializer_;
  uint32_t maxtasksperchild_ = 0;
  std::optional<StartMethod> method_;
};

/// An imap's results, one by one: `while (auto result = results.next())` or a range-based for loop. Thread-safe.
template <class R>
class ImapResults {
 public:
  using Stored = typename detail::ImapJob<R>::Stored;

  ImapResults(std::shared_ptr<detail::ImapJob<R>> job, std::shared_ptr<detail::ItemFeed> feed)
      : job_(std::move(job)), feed_(std::move(feed)) {}

  /// The next result, waited for at most `timeout`; nullopt after the last. Throws as AsyncResult::get(); behind a
  /// call's error comes the next call's result. An exception from reading or encoding an item, even the first, is the
  /// last result: it comes behind those of all items before it, also of its own chunk.
  std::optional<Stored> next(Timeout timeout = std::nullopt) {
    const auto turn = feed_->keep_ahead();
    return job_->next(timeout);
  }

  class Iterator {
   public:
    using value_type = Stored;
    using difference_type = std::ptrdiff_t;

    explicit Iterator(ImapResults& results) : results_(&results), current_(results.next()) {}

    Stored& operator*() const { return *current_; }
    Iterator& operator++() {
      current_ = results_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return !current_; }

   private:
    ImapResults* results_;
    mutable std::optional<Stored> current_;
  };

  Iterator begin() { return Iterator(*this); }
  std::default_sentinel_t end() { return {}; }

 private:
  std::shared_ptr<detail::ImapJob<R>> job_;
  std::shared_ptr<detail::ItemFeed> feed_;
};

/// Worker processes that run calls for this one, as Python's multiprocessing.Pool.
///
///   mp::Pool pool(4);
///   std::vector<int> squares = pool.map([](int x) { return x * x; }, std::views::iota(0, 10));
///
/// Functions are function pointers or captureless lambdas; arguments and results are what the codec knows. Arguments
/// are encoded in the caller, so what cannot be sent throws there. An exception in a call is thrown here as
/// RemoteError. It ends the chunk that the call is in; the other chunks still run.
///
/// If a worker dies, exactly the task that it was running fails, with WorkerLost. Tasks that it had taken and not begun
/// run elsewhere, and another worker takes its place.
///
/// The destructor terminates the pool: close() and join() first to have all calls finished.
///
/// Thread safety: any thread may call anything, save for the destructor. A thread of the pool's brings the results, and
/// also runs callbacks. Other processes cannot use the pool. It keeps three descriptors, and for each worker three with
/// kForkServer, else two.
class Pool {
 public:
  explicit Pool(const PoolOptions& options = {});
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// The result of function(arguments…), run in a worker.
  template <class F, class... Arguments>
  auto apply(F&& function, Arguments&&... arguments) {
    return apply_async(std::forward<F>(function), std::forward<Arguments>(arguments)...).get();
  }

  template <class F, class... Arguments>
    requires(!detail::IsCallbacks<std::remove_cvref_t<F>>::value)
  auto apply_async(F&& function, Arguments&&... arguments) {
    using R = detail::ResultOf<F>;
    return apply_async(Callbacks<R>{}, std::forward<F>(function), std::forward<Arguments>(arguments)...);
  }

  template <class R, class F, class... Arguments>
  AsyncResult<R> apply_async(Callbacks<R> callbacks, F&& function, Arguments&&... arguments) {
    static_assert(std::is_same_v<R, detail::ResultOf<F>>, "the callbacks are for another type than the function gives");
    std::vector<detail::PoolTask> task(1);
    task[0].arguments = pack_arguments<F>(std::forward<Arguments>(arguments)...);
    auto value = std::make_shared<detail::AsyncValue<R>>(std::move(callbacks));
    submit(std::make_shared<detail::ApplyJob<R>>(value), name<F>(function), std::move(task));
    return AsyncResult<R>(std::move(value));
  }

  /// The results of function(item) for each item, in the items' order. Items travel in chunks of `chunksize`; nullopt:
  /// four chunks a worker.
  template <class F, std::ranges::input_range Items>
  auto map(F&& function, Items&& items, std::optional<size_t> chunksize = std::nullopt) {
    return map_async(std::forward<F>(function), std::forward<Items>(items), chunksize).get();
  }

  template <class F, std::ranges::input_range Items>
  auto map_async(F&& function, Items&& items, std::optional<size_t> chunksize = std::nullopt,
                 Callbacks<detail::ListOf<detail::ResultOf<F>>> callbacks = {}) {
    return map_with(encode_item<F>, function, items, chunksize, std::move(callbacks));
  }

  // A map over a list in braces, `pool.map(f, {1, 2, 3})`: the items are of the type of f's parameter.
  template <class F>
  auto map(F&& function, detail::ListOfItems<F> items, std::optional<size_t> chunksize = std::nullopt) {
    return map_async(std::forward<F>(function), items, chunksize).get();
  }

  template <class F>
  auto map_async(F&& function, detail::ListOfItems<F> items, std::optional<size_t> chunksize = std::nullopt,
                 Callbacks<detail::ListOf<detail::ResultOf<F>>> callbacks = {}) {
    return map_with(encode_item<F>, function, items, chunksize, std::move(callbacks));
  }

  /// A map of which each item is a tuple of the function's arguments.
  template <class F, std::ranges::input_range Items>
  auto starmap(F&& function, Items&& items, std::optional<size_t> chunksize = std::nullopt) {
    return starmap_async(std::forward<F>(function), std::forward<Items>(items), chunksize).get();
  }

  template <class F, std::ranges::input_range Items>
  auto starmap_async(F&& function, Items&& items, std::optional<size_t> chunksize = std::nullopt,
                     Callbacks<detail::ListOf<detail::ResultOf<F>>> callbacks = {}) {
    return map_with(encode_tuple<F>, function, items, chunksize, std::move(callbacks));
  }

  // A starmap over a list in braces: `pool.starmap(f, {{1, 2}, {3, 4}})`.
  template <class F>
  auto starmap(F&& function, detail::ListOfTuples<F> items, std::optional<size_t> chunksize = std::nullopt) {
    return starmap_async(std::forward<F>(function), items, chunksize).get();
  }

  template <class F>
  auto starmap_async(F&& function, detail::ListOfTuples<F> items, std::optional<size_t> chunksize = std::nullopt,
                     Callbacks<detail::ListOf<detail::ResultOf<F>>> callbacks = {}) {
    return map_with(encode_tuple<F>, function, items, chunksize, std::move(callbacks));
  }

  /// A map whose results are handed out as they come, in the items' order. The threads that take results also read and
  /// send items, a bounded number ahead: the range may be endless. The range is kept as a view, so one that is passed
  /// by name and is no view must outlive the results. join() reads all items that are left.
  template <class F, std::ranges::input_range Items>
  auto imap(F&& function, Items&& items, size_t chunksize = 1) {
    return imap_with(detail::Order::kOfItems, function, std::forward<Items>(items), chunksize);
  }

  /// An imap() whose results come in the order of completion.
  template <class F, std::ranges::input_range Items>
  auto imap_unordered(F&& function, Items&& items, size_t chunksize = 1) {
    return imap_with(detail::Order::kOfCompletion, function, std::forward<Items>(items), chunksize);
  }

  // Imaps over lists in braces, which are copied, as they are gone when the results are taken.
  template <class F>
  auto imap(F&& function, detail::ListOfItems<F> items, size_t chunksize = 1) {
    return imap_with(detail::Order::kOfItems, function, std::vector(items), chunksize);
  }

  template <class F>
  auto imap_unordered(F&& function, detail::ListOfItems<F> items, size_t chunksize = 1) {
    return imap_with(detail::Order::kOfCompletion, function, std::vector(items), chunksize);
  }

  /// Takes no more calls: from now on they throw std::logic_error. The workers leave when all calls are done.
  void close();

  /// Ends the workers (SIGTERM, then SIGKILL). All calls that are not done end with PoolTerminated.
  void terminate();

  /// Waits for the workers to have left. Throws std::logic_error before close() or terminate().
  void join();

  /// The workers as they are now, for diagnostics and tests.
  std::vector<pid_t> worker_pids() const;

 private:
  class Core;

  template <class F>
  static constexpr auto encode_item = [](EncodeArchive& archive, auto&& item) {
    if constexpr (millrace::detail::kIsTarget<F>) {
      using Signature = millrace::detail::SignatureOf<F>;
      static_assert(Signature::kParameters == 1,
                    "the function of a map takes one argument; starmap takes tuples of them");
      if constexpr (Signature::kParameters == 1)
        millrace::detail::encode_argument<typename Signature::template Parameter<0>>(
            archive, std::forward<decltype(item)>(item));
    }
  };

  template <class F>
  static constexpr auto encode_tuple = [](EncodeArchive& archive, auto&& item) {
    if constexpr (millrace::detail::kIsTarget<F>)
      std::apply([&](auto&&... values) { pack_arguments_into<F>(archive, std::forward<decltype(values)>(values)...); },
                 std::forward<decltype(item)>(item));
  };

  template <class F>
  static detail::PoolFunction name(std::remove_reference_t<F>& function) {
    if constexpr (millrace::detail::kIsTarget<F>)
      return {reinterpret_cast<const void*>(&millrace::detail::SignatureOf<F>::template invoke<ResultUse::kEncode>),
              reinterpret_cast<const void*>(+function)};
    else
      return {};
  }

  /// Submits a map. The number of items is known before the first is read.
  template <class Encode, class F, class Items, class R>
  auto map_with(Encode encode_one, F&& function, Items&& items, std::optional<size_t> chunksize,
                Callbacks<R> callbacks) {
    if constexpr (std::ranges::sized_range<Items> || std::ranges::forward_range<Items>) {
      const auto count = static_cast<size_t>(std::ranges::distance(items));
      const size_t chunk =
          chunksize ? detail::checked_chunksize(*chunksize) : detail::default_chunksize(count, processes());
      auto value = std::make_shared<detail::AsyncValue<R>>(std::move(callbacks));
      auto tasks = pack(encode_one, items, count, chunk);
      submit(std::make_shared<detail::MapJob<detail::ResultOf<F>>>(count, value), name<F>(function), std::move(tasks));
      return AsyncResult<R>(std::move(value));
    } else {
      std::vector<std::ranges::range_value_t<Items>> list;
      for (auto&& item : items) list.push_back(std::forward<decltype(item)>(item));
      return map_with(encode_one, function, list, chunksize, std::move(callbacks));
    }
  }

  template <class F, class Items>
  auto imap_with(detail::Order order, F&& function, Items&& items, size_t chunksize) {
    using R = detail::ResultOf<F>;
    detail::checked_chunksize(chunksize);
    auto job = std::make_shared<detail::ImapJob<R>>(order);
    auto view = view_of(std::forward<Items>(items));
    auto source = std::make_unique<ChunksOf<decltype(view), decltype(encode_item<F>)>>(std::move(view), encode_item<F>,
                                                                                       chunksize);
    return ImapResults<R>(job, feed(std::move(source), job, name<F>(function)));
  }

  /// A view of the items, as views::all makes it: a range passed by name is referred to, a view is copied.
  template <class Items>
  static auto view_of(Items&& items) {
    if constexpr (std::ranges::viewable_range<Items>)
      return std::views::all(std::forward<Items>(items));
    else
      return std::ranges::ref_view(items);
  }

  /// The items of a view, encoded in chunks.
  template <class View, class Encode>
  class ChunksOf final : public detail::ItemSource {
   public:
    ChunksOf(View view, Encode encode_one, size_t chunksize)
        : view_(std::move(view)), encode_one_(encode_one), chunksize_(chunksize) {}

    std::optional<detail::PoolTask> next() override {
      if (broken_) std::rethrow_exception(broken_);
      EncodeArchive archive;  // One archive for each task, as pointers are numbered within one.
      size_t count = 0;
      try {
        // No earlier, since an iterator points into the view, which has to be where it stays.
        if (!at_) at_.emplace(std::ranges::begin(view_));
        for (; count < chunksize_ && *at_ != std::ranges::end(view_); ++*at_, ++count) encode_one_(archive, **at_);
      } catch (...) {
        // The items before are sent all the same. What the failed item left behind them in the archive nobody reads.
        if (count == 0) throw;
        broken_ = std::current_exception();
      }
      if (count == 0) return std::nullopt;
      first_ += count;
      return detail::PoolTask{first_ - count, count, archive.take()};
    }

   private:
    View view_;
    Encode encode_one_;
    const size_t chunksize_;
    std::optional<std::ranges::iterator_t<View>> at_;
    size_t first_ = 0;
    std::exception_ptr broken_;  // What reading an item threw; it comes behind those read with it.
  };

  /// Items, encoded in chunks. `expected` only saves allocations.
  template <class Encode, class Items>
  static std::vector<detail::PoolTask> pack(Encode encode_one, Items&& items, size_t expected, size_t chunksize) {
    std::vector<detail::PoolTask> tasks;
    if (expected > 0) tasks.reserve((expected + chunksize - 1) / chunksize);
    std::optional<EncodeArchive> archive;  // One archive for each task, as pointers are numbered within one.
    size_t count = 0;
    const auto seal = [&] {
      const size_t in_last = (count - 1) % chunksize + 1;
      tasks.push_back({count - in_last, in_last, archive->take()});
    };
    for (auto&& item : items) {
      if (count % chunksize == 0) {
        if (count > 0) seal();
        archive.emplace();
      }
      encode_one(*archive, std::forward<decltype(item)>(item));
      ++count;
    }
    if (count > 0) seal();
    return tasks;
  }

  size_t processes() const;
  void submit(std::shared_ptr<detail::Job> job, detail::PoolFunction function, std::vector<detail::PoolTask> tasks);

  /// Makes what feeds the job of an imap, and has it begin.
  std::shared_ptr<detail::ItemFeed> feed(std::unique_ptr<detail::ItemSource> source,
                                         const std::shared_ptr<detail::ImapJobBase>& job,
                                         detail::PoolFunction function);

  std::shared_ptr<Core> core_;  // Shared by the feeds, which may outlive the pool.
};

template <class... Arguments>
Pool Context::Pool(Arguments&&... arguments) const {
  return multiprocessing::Pool(PoolOptions(std::forward<Arguments>(arguments)...).start_method(method_));
}

}  // namespace millrace::multiprocessing
