#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "millrace/loader/collate.h"
#include "millrace/loader/collation/fields.h"
#include "millrace/loader/dataset.h"
#include "millrace/loader/sample_row.h"
#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/codec/function_ref.h"

namespace millrace {

namespace detail {

/// Gives samples that are rows: tensors of one shape, numbers, and tuples of these.
template <class D>
concept GetsRows = !InPlaceDataset<D> && GetDataset<D> && collate::FitsRows<SampleOf<D>>;

}  // namespace detail

/// A dataset of fixed fields, whatever its type: for lists of datasets whose types are known when the program runs,
/// such as ConcatDataset<AnyDataset>. It reads in place; a dataset that gives samples by get() is asked for the first
/// one, to learn its fields.
///
/// A value: a copy copies the dataset inside. It travels where that travels; other processes find its type as they find
/// functions (FunctionRef). Thread rules are those of the dataset inside.
class AnyDataset {
 public:
  /// For the receiving side of load(). Until then all but copies throw std::logic_error.
  AnyDataset() = default;

  template <class D>
    requires(!std::same_as<D, AnyDataset> && (InPlaceDataset<D> || detail::GetsRows<D>))
  AnyDataset(D dataset) : held_(std::make_unique<Held<D>>(std::move(dataset))) {}

  AnyDataset(const AnyDataset& other) : held_(other.held_ ? other.held_->clone() : nullptr) {}
  AnyDataset(AnyDataset&&) = default;
  AnyDataset& operator=(const AnyDataset& other) { return *this = AnyDataset(other); }
  AnyDataset& operator=(AnyDataset&&) = default;
  ~AnyDataset() = default;

  size_t size() const { return held().size(); }
  SampleSpec spec() { return held().spec(); }
  void read(size_t index, SampleRow& row, SampleContext& context) { held().read(index, row, context); }

  /// Empty where the dataset does not describe its samples.
  std::string describe(size_t index) const { return held().describe(index); }

  /// Throws std::logic_error where the dataset does not tell its samples' classes.
  int64_t label(size_t index) const { return held().label(index); }

  /// Throws std::invalid_argument for a dataset that cannot travel.
  void save(EncodeArchive& archive) const {
    archive(held().maker());
    held().save(archive);
  }
  void load(DecodeArchive& archive) {
    FunctionRef maker;
    archive(maker);
    auto made = resolve<std::unique_ptr<Base>()>(maker)();
    made->load(archive);
    held_ = std::move(made);
  }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual std::unique_ptr<Base> clone() const = 0;
    virtual size_t size() = 0;
    virtual SampleSpec spec() = 0;
    virtual void read(size_t index, SampleRow& row, SampleContext& context) = 0;
    virtual std::string describe(size_t index) const = 0;
    virtual int64_t label(size_t index) const = 0;
    virtual FunctionRef maker() const = 0;
    virtual void save(EncodeArchive& archive) const = 0;
    virtual void load(DecodeArchive& archive) = 0;
  };

  template <class D>
  class Held final : public Base {
   public:
    explicit Held(D dataset) : dataset_(std::move(dataset)) {}

    std::unique_ptr<Base> clone() const override { return std::make_unique<Held>(dataset_); }

    size_t size() override {
      const std::optional<size_t> size = dataset_.size();
      if (!size) throw std::invalid_argument("AnyDataset: its dataset does not know how many samples it has");
      return *size;
    }

    SampleSpec spec() override {
      if constexpr (InPlaceDataset<D>) {
        return dataset_.spec();
      } else {
        SampleContext context(0, -1);
        return collate::spec_of(detail::get_sample(dataset_, 0, context));
      }
    }

    void read(size_t index, SampleRow& row, SampleContext& context) override {
      if constexpr (InPlaceDataset<D>)
        dataset_.read(index, row, context);
      else
        collate::write_sample(row, detail::get_sample(dataset_, index, context));
    }

    std::string describe(size_t index) const override {
      if constexpr (detail::Describes<D>)
        return std::string(dataset_.describe(index));
      else
        return {};
    }

    int64_t label(size_t index) const override {
      if constexpr (detail::Labels<D>)
        return dataset_.label(index);
      else
        throw std::logic_error("a dataset that does not tell the classes of its samples");
    }

    static std::unique_ptr<Base> make() {
      if constexpr (std::default_initializable<D>)
        return std::make_unique<Held>(D());
      else
        return nullptr;  // Not asked for: it does not travel.
    }
    FunctionRef maker() const override { return identify(&Held::make); }

    void save(EncodeArchive& archive) const override {
      if constexpr (!detail::Travels<D>)
        throw std::invalid_argument(
            "AnyDataset: its dataset cannot be sent to workers: give it serialize() and a default constructor, or take "
            "worker_mode thread or num_workers 0");
      else if constexpr (!std::is_empty_v<D>)
        archive(dataset_);
    }
    void load(DecodeArchive& archive) override {
      if constexpr (detail::Travels<D> && !std::is_empty_v<D>) archive(dataset_);
    }

   private:
    D dataset_;
  };

  Base& held() const {
    if (!held_) throw std::logic_error("an AnyDataset that holds no dataset");
    return *held_;
  }

  std::unique_ptr<Base> held_;
};

}  // namespace millrace
