#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace millrace {

/// Decides the order in which samples are visited: a sequence of sample indices for each epoch.
///
/// - `size()`: how many indices an epoch has.
/// - `set_epoch(epoch)`: goes to the start of that epoch, wherever the sampler stood. A sampler is constructed at the
///   start of epoch 0. Does no work that depends on size().
/// - `next()`: the next index, or nullopt at the end of the epoch, again and again until set_epoch() is called.
///
/// Samplers are plain values and not thread-safe.
template <class T>
concept Sampler = std::movable<T> && requires(T sampler, const T& fixed, int64_t epoch) {
  { fixed.size() } -> std::same_as<int64_t>;
  { sampler.set_epoch(epoch) } -> std::same_as<void>;
  { sampler.next() } -> std::same_as<std::optional<int64_t>>;
};

/// Any sampler, its type forgotten: what a loader holds. Move-only; a moved-from AnySampler may only be destroyed or
/// assigned to. It is a Sampler itself.
class AnySampler {
 public:
  template <class S>
  requires(!std::same_as<std::remove_cvref_t<S>, AnySampler> && Sampler<std::remove_cvref_t<S>>)
      AnySampler(S&& sampler)  // NOLINT(google-explicit-constructor): a loader's argument, any sampler should do.
      : held_(std::make_unique<Held<std::remove_cvref_t<S>>>(std::forward<S>(sampler))) {}

  int64_t size() const { return held_->size(); }
  void set_epoch(int64_t epoch) { held_->set_epoch(epoch); }
  std::optional<int64_t> next() { return held_->next(); }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual int64_t size() const = 0;
    virtual void set_epoch(int64_t epoch) = 0;
    virtual std::optional<int64_t> next() = 0;
  };

  template <class S>
  struct Held final : Base {
    template <class U>
    explicit Held(U&& from) : sampler(std::forward<U>(from)) {}
    int64_t size() const override { return sampler.size(); }
    void set_epoch(int64_t epoch) override { sampler.set_epoch(epoch); }
    std::optional<int64_t> next() override { return sampler.next(); }
    S sampler;
  };

  std::unique_ptr<Base> held_;
};

}  // namespace millrace
