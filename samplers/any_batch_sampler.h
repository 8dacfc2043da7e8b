#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "millrace/samplers/sampler.h"
#include "millrace/samplers/sampler_name.h"
#include "millrace/samplers/sampler_state.h"

namespace millrace {

/// A sampler of batches whose type is forgotten: what a loader holds. BatchSampler<AnySampler> is one like any other.
/// Move-only; a moved-from AnyBatchSampler may only be destroyed or assigned to. It is a SamplerOfBatches itself.
///
/// AnyBatchSampler is Resumable. A sampler that is not Resumable itself is resumed by going through the epoch again up
/// to the position, which is right when the batches depend on the epoch alone, and costs one next() a batch.
class AnyBatchSampler {
 public:
  template <class S>
    requires(!std::same_as<std::remove_cvref_t<S>, AnyBatchSampler> && SamplerOfBatches<std::remove_cvref_t<S>>)
  AnyBatchSampler(S&& sampler)  // NOLINT(google-explicit-constructor): a loader's argument, any should do.
      : held_(std::make_unique<Held<Resumed<std::remove_cvref_t<S>>>>(std::forward<S>(sampler))) {}

  int64_t size() const { return held_->size(); }
  int64_t epoch() const { return held_->epoch(); }
  void set_epoch(int64_t epoch) { held_->set_epoch(epoch); }
  bool next(std::vector<int64_t>& batch) { return held_->next(batch); }

  /// The state from which the batch that next() would give now comes again.
  SamplerState state() const { return held_->state(); }

  /// Goes to where `state` says. Where position_unit() is kIndices, the sampler may have another batch size than the
  /// one that made the state: its batches begin at the first index that the other had not given.
  void load_state(const SamplerState& state) { held_->load_state(state); }

  PositionUnit position_unit() const { return held_->position_unit(); }

  /// The name of the sampler inside, see sampler_name().
  std::string name() const { return held_->name(); }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual int64_t size() const = 0;
    virtual int64_t epoch() const = 0;
    virtual void set_epoch(int64_t epoch) = 0;
    virtual bool next(std::vector<int64_t>& batch) = 0;
    virtual SamplerState state() const = 0;
    virtual void load_state(const SamplerState& state) = 0;
    virtual PositionUnit position_unit() const = 0;
    virtual std::string name() const = 0;
  };

  // Makes a sampler Resumable that is not.
  template <class S>
  class Replayed {
   public:
    template <class U>
    explicit Replayed(U&& sampler) : sampler_(std::forward<U>(sampler)) {}

    int64_t size() const { return sampler_.size(); }
    int64_t epoch() const { return epoch_of(sampler_); }
    void set_epoch(int64_t epoch) {
      sampler_.set_epoch(epoch);
      at_ = {epoch, 0};
    }
    bool next(std::vector<int64_t>& batch) {
      ++at_.position;  // A batch whose next() throws counts too: a loader has lost it.
      const bool given = sampler_.next(batch);
      if (!given) --at_.position;
      return given;
    }
    std::string name() const { return sampler_name(sampler_); }
    SamplerState state() const { return at_; }
    void load_state(const SamplerState& state) {
      require_position("AnyBatchSampler", state.position, size());
      set_epoch(state.epoch);
      std::vector<int64_t> batch;
      while (at_.position < state.position) {
        try {
          if (!next(batch)) break;
        } catch (...) {
          continue;  // The batch was lost when it was first asked for, and is behind the state.
        }
      }
    }

   private:
    S sampler_;
    SamplerState at_;  // An epoch before the first set_epoch() counts as 0, as for every sampler.
  };

  template <class S>
  using Resumed = std::conditional_t<Resumable<S>, S, Replayed<S>>;

  template <class S>
  struct Held final : Base {
    template <class U>
    explicit Held(U&& from) : sampler(std::forward<U>(from)) {}
    int64_t size() const override { return sampler.size(); }
    int64_t epoch() const override { return epoch_of(sampler); }
    void set_epoch(int64_t epoch) override { sampler.set_epoch(epoch); }
    bool next(std::vector<int64_t>& batch) override { return sampler.next(batch); }
    SamplerState state() const override { return sampler.state(); }
    void load_state(const SamplerState& state) override { sampler.load_state(state); }
    PositionUnit position_unit() const override {
      if constexpr (requires { S::kPositionUnit; })
        return S::kPositionUnit;
      else
        return PositionUnit::kBatches;
    }
    std::string name() const override { return sampler_name(sampler); }
    S sampler;
  };

  std::unique_ptr<Base> held_;
};

static_assert(SamplerOfBatches<AnyBatchSampler> && Resumable<AnyBatchSampler>);

}  // namespace millrace
