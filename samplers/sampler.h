#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "millrace/samplers/sampler_name.h"
#include "millrace/samplers/sampler_state.h"

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

/// A sampler that can say where it stands and go back there.
///
/// - `state()`: small, whatever the size of the dataset; may be asked at any time.
/// - `load_state(state)`: goes there, after which next() gives what it gave after state() was asked. The sampler must
///   have been made with the same arguments. Throws std::invalid_argument for a position that no epoch of it has.
///
/// All samplers of this folder are Resumable, and AnySampler makes a Resumable of any Sampler. A sampler that is a
/// NamedSampler too keeps its states when its type is renamed.
template <class T>
concept Resumable = requires(T sampler, const T& fixed, const SamplerState& state) {
  { fixed.state() } -> std::same_as<SamplerState>;
  { sampler.load_state(state) } -> std::same_as<void>;
};

/// The epoch that a sampler stands in, with which a loader made of it begins: what its epoch() says, or else its state;
/// 0 for a sampler that has neither.
template <class S>
int64_t epoch_of(const S& sampler) {
  if constexpr (requires {
                  { sampler.epoch() } -> std::convertible_to<int64_t>;
                })
    return static_cast<int64_t>(sampler.epoch());
  else if constexpr (Resumable<S>)
    return sampler.state().epoch;
  else
    return 0;
}

/// A sampler that gives whole batches of indices: BatchSampler, BucketBatchSampler, or one of the user's own.
///
/// - `size()`: how many batches an epoch has.
/// - `set_epoch(epoch)`: as for samplers.
/// - `next(batch)`: replaces the contents of `batch` by the next batch; false, with `batch` empty, at the end.
///
/// A Resumable may have a member `static constexpr PositionUnit kPositionUnit`; without it, positions count batches.
template <class T>
concept SamplerOfBatches =
    std::movable<T> && requires(T sampler, const T& fixed, int64_t epoch, std::vector<int64_t>& batch) {
      { fixed.size() } -> std::same_as<int64_t>;
      { sampler.set_epoch(epoch) } -> std::same_as<void>;
      { sampler.next(batch) } -> std::same_as<bool>;
    };

/// A sampler whose type is forgotten: what a loader holds. Move-only; a moved-from AnySampler may only be destroyed or
/// assigned to. It is a Sampler itself.
///
/// AnySampler is Resumable. A sampler that is not Resumable itself is resumed by going through the epoch again up to
/// the position, which is right when the order depends on the epoch alone, and costs one next() an index.
class AnySampler {
 public:
  template <class S>
    requires(!std::same_as<std::remove_cvref_t<S>, AnySampler> && Sampler<std::remove_cvref_t<S>>)
  AnySampler(S&& sampler)  // NOLINT(google-explicit-constructor): a loader's argument, any sampler should do.
      : held_(std::make_unique<Held<std::remove_cvref_t<S>>>(std::forward<S>(sampler))) {}

  int64_t size() const { return held_->size(); }
  int64_t epoch() const { return held_->epoch(); }
  void set_epoch(int64_t epoch) { held_->set_epoch(epoch); }
  std::optional<int64_t> next() { return held_->next(); }
  SamplerState state() const { return held_->state(); }
  void load_state(const SamplerState& state) { held_->load_state(state); }

  /// The name of the sampler inside, see sampler_name().
  std::string name() const { return held_->name(); }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual int64_t size() const = 0;
    virtual int64_t epoch() const = 0;
    virtual void set_epoch(int64_t epoch) = 0;
    virtual std::optional<int64_t> next() = 0;
    virtual SamplerState state() const = 0;
    virtual void load_state(const SamplerState& state) = 0;
    virtual std::string name() const = 0;
  };

  template <class S>
  struct Held final : Base {
    template <class U>
    explicit Held(U&& from) : sampler(std::forward<U>(from)) {}
    int64_t size() const override { return sampler.size(); }
    int64_t epoch() const override { return epoch_of(sampler); }
    void set_epoch(int64_t epoch) override { sampler.set_epoch(epoch); }
    std::optional<int64_t> next() override { return sampler.next(); }
    SamplerState state() const override { return sampler.state(); }
    void load_state(const SamplerState& state) override { sampler.load_state(state); }
    std::string name() const override { return sampler_name(sampler); }
    S sampler;
  };

  template <class S>
    requires(!Resumable<S>)
  struct Held<S> final : Base {
    template <class U>
    explicit Held(U&& from) : sampler(std::forward<U>(from)) {}
    int64_t size() const override { return sampler.size(); }
    int64_t epoch() const override { return epoch_of(sampler); }
    void set_epoch(int64_t epoch) override {
      sampler.set_epoch(epoch);
      at = {epoch, 0};
    }
    std::optional<int64_t> next() override {
      ++at.position;  // An index whose next() throws counts too: a loader has lost it.
      const auto index = sampler.next();
      if (!index) --at.position;
      return index;
    }
    SamplerState state() const override { return at; }
    void load_state(const SamplerState& state) override {
      require_position("AnySampler", state.position, size());
      set_epoch(state.epoch);
      while (at.position < state.position) {
        try {
          if (!next()) break;
        } catch (...) {
          continue;  // The index was lost when it was first asked for, and is behind the state.
        }
      }
    }
    std::string name() const override { return sampler_name(sampler); }
    S sampler;
    SamplerState at;  // An epoch before the first set_epoch() counts as 0, as for every sampler.
  };

  std::unique_ptr<Base> held_;
};

}  // namespace millrace
