#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <tuple>
#include <type_traits>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/codec/encodable.h"
#include "millrace/sharing/codec/function_ref.h"
#include "millrace/sharing/codec/target.h"
#include "millrace/sharing/os/deadline.h"

namespace millrace::multiprocessing {

namespace detail {
class SyncMemory;
}

/// The barrier was broken or reset while somebody waited, or is broken (Python's BrokenBarrierError).
class BrokenBarrier : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

namespace detail {

/// A function that the last party of a barrier calls, with what it works on.
class BoundAction {
 public:
  virtual ~BoundAction() = default;
  virtual void run() = 0;

  /// Writes the function that makes such an action from what follows, and then what follows.
  virtual void save(EncodeArchive& archive) const = 0;
};

template <class Result, class... Parameters>
class ActionOf final : public BoundAction {
 public:
  using Function = Result(Parameters...);

  ActionOf(Function* function, DecodeArchive& state) : function_(function) {
    std::apply([&](auto&... values) { (state(values), ...); }, state_);
  }

  void run() override {
    std::apply([&](auto&... values) { function_(static_cast<Given<Parameters>>(values)...); }, state_);
  }

  void save(EncodeArchive& archive) const override {
    archive(identify(&load), identify(function_));
    std::apply([&](const auto&... values) { (archive(values), ...); }, state_);
  }

 private:
  static_assert((!std::is_rvalue_reference_v<Parameters> && ...), "an action runs more than once: nothing is moved");

  template <class P>
  using Given = std::conditional_t<std::is_lvalue_reference_v<P>, P, const std::decay_t<P>&>;

  static std::shared_ptr<BoundAction> load(DecodeArchive& archive) {
    FunctionRef function;
    archive(function);
    return std::make_shared<ActionOf>(resolve<Function>(function), archive);
  }

  Function* function_;
  std::tuple<std::decay_t<Parameters>...> state_;
};

template <class Value, class Given>
void encode_state(EncodeArchive& archive, const Given& given) {
  if constexpr (std::same_as<Given, Value>)
    archive(given);
  else if constexpr (std::same_as<Given, std::reference_wrapper<Value>> ||
                     std::same_as<Given, std::reference_wrapper<const Value>>)
    archive(given.get());
  else
    archive(static_cast<Value>(given));
}

}  // namespace detail

/// What a Barrier's last party runs: a function, or a lambda without captures, and its arguments: `{add_up,
/// std::ref(total)}`. The arguments stay with the barrier and travel with it, as those of a Process do. Handles (Value,
/// Array, Queue, …) refer to one thing in all processes. Of all other arguments each process has its own, which last
/// from one run to the next.
class BarrierAction {
 public:
  BarrierAction(std::nullptr_t = nullptr) {}  // NOLINT(google-explicit-constructor): for {} and nullptr.

  template <class F, class... State>
    requires(!std::same_as<F, BarrierAction> && !std::same_as<F, std::nullptr_t>)
  BarrierAction(F function, State&&... state) {  // NOLINT(google-explicit-constructor): a function is one.
    if constexpr (millrace::detail::kIsTarget<F>) action_ = with_state(+function, state...);
  }

 private:
  friend class Barrier;

  template <class Result, class... Parameters, class... State>
  static std::shared_ptr<detail::BoundAction> with_state(Result (*function)(Parameters...), const State&... state) {
    static_assert(sizeof...(Parameters) == sizeof...(State), "an action's arguments are as many as its parameters");
    if constexpr ((millrace::detail::require_travels<std::decay_t<Parameters>>() & ... & true)) {
      EncodeArchive archive;
      (detail::encode_state<std::decay_t<Parameters>>(archive, state), ...);
      auto encoded = archive.take();
      DecodeArchive decoded(encoded.bytes, encoded.fds);
      return std::make_shared<detail::ActionOf<Result, Parameters...>>(function, decoded);
    } else {
      return nullptr;
    }
  }

  std::shared_ptr<detail::BoundAction> action_;
};

/// multiprocessing.Barrier: a number of parties wait until all have come.
///
/// Thread safety: any number of threads and processes may use it at once. Moving and loading need that nobody uses the
/// object. Descriptors: none of its own, see detail::SyncMemory.
///
/// Invariants: the parties that pass together have different numbers from 0 to parties - 1, in the order in which they
/// came. The action runs once, in the last one, before any of them goes on.
///
/// If a process dies here while it waits, runs the action, or is inside any call, the barrier breaks within 100 ms and
/// the others throw BrokenBarrier, unless all parties had met. A party that dies before it comes is noticed only by a
/// timeout.
class Barrier {
 public:
  using Action = BarrierAction;

  /// An object without a barrier, for a parameter that one is loaded into. Every other call throws std::logic_error.
  Barrier() = default;

  /// A barrier for so many parties. wait() waits for `timeout` when it is given none. Throws std::invalid_argument for
  /// 0 parties, as Python.
  explicit Barrier(uint32_t parties, BarrierAction action = nullptr, Timeout timeout = std::nullopt);

  /// Waits until all parties have come, and gives this party's number. Throws BrokenBarrier when the barrier is broken,
  /// or breaks, or when the timeout passes, which breaks it. An exception of the action breaks it too, and passes
  /// through.
  uint32_t wait();
  uint32_t wait(Timeout timeout);

  /// Makes the barrier whole. Parties that wait get BrokenBarrier.
  void reset();

  /// Breaks the barrier, until reset().
  void abort();

  uint32_t parties() const;
  uint32_t n_waiting() const;
  bool broken() const;

  void save(EncodeArchive& archive) const;
  void load(DecodeArchive& archive);

 private:
  std::shared_ptr<detail::SyncMemory> block_;
  std::shared_ptr<detail::BoundAction> action_;  // Null for none.
  Timeout timeout_ = std::nullopt;
};

}  // namespace millrace::multiprocessing
