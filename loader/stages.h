#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace millrace {

/// What the time of a worker goes to. A loader measures it where DataLoaderOptions::profile asks for it, see
/// stage_report.h.
enum class Stage : uint8_t {
  kRead,       ///< Opening and reading files.
  kDecode,     ///< Making pixels or values of a file's bytes.
  kTransform,  ///< Changing what was decoded.
  kGet,        ///< The rest of a dataset's get(), read() or next(): whatever no StageScope names.
  kCollate,    ///< Making a batch of samples, and writing it to where the trainer reads it.
  kHandOver,   ///< Finding the next samples to read, and telling the trainer that samples are done.
  kWait,       ///< Waiting for a slot: all batches that may be prefetched are, or are in another worker's hands.
};

inline constexpr size_t kStages = 7;

inline constexpr std::array<Stage, kStages> kAllStages = {
    Stage::kRead, Stage::kDecode, Stage::kTransform, Stage::kGet, Stage::kCollate, Stage::kHandOver, Stage::kWait};

/// A stage's name in tables, traces and JSON.
constexpr std::string_view name_of(Stage stage) {
  constexpr std::array<std::string_view, kStages> kNames = {"read",    "decode",    "transform", "get",
                                                            "collate", "hand_over", "wait"};
  return kNames[static_cast<size_t>(stage)];
}

namespace detail {

/// Who is told of stages: the part of a worker that measures.
class StageListener {
 public:
  virtual void begin_sample(int64_t index) = 0;  ///< The samples before have been read.
  virtual void begin_collate() = 0;              ///< All samples of the batch have been read.
  virtual void enter(Stage stage) = 0;           ///< Begins a call of a stage.
  virtual void enter_again(Stage stage) = 0;     ///< Goes on with a call that was counted.
  virtual void leave() = 0;                      ///< Goes back to the stage that was left by enter() or enter_again().
  virtual void add_bytes(Stage stage, uint64_t bytes) = 0;

 protected:
  ~StageListener() = default;
};

/// The listener of this thread, while it reads samples and is measured; else null.
inline thread_local constinit StageListener* stage_listener = nullptr;

}  // namespace detail

/// Says what a dataset is doing, so that a loader can tell where its time goes:
///
///   Example<> get(size_t i) {
///     const auto bytes = [&] {
///       StageScope reading(Stage::kRead);
///       reading.add_bytes(size_of(i));
///       return read_file(i);
///     }();
///     const StageScope decoding(Stage::kDecode);
///     return decode(bytes);
///   }
///
/// The time from its beginning to its end counts for the stage, without that of scopes inside it. Outside of workers,
/// and where nobody measures, it does nothing, and costs a look at a variable of the thread. Used by one thread, the
/// one that the dataset was called in; scopes end in the order opposite to that of their beginnings.
class StageScope {
 public:
  /// Whether a scope is a call of its stage, or a part of one that was counted.
  enum class Part { kWhole, kMore };

  /// REQUIRES: kRead, kDecode, kTransform or kCollate; the others follow by themselves.
  explicit StageScope(Stage stage, Part part = Part::kWhole) : listener_(detail::stage_listener), stage_(stage) {
    if (listener_ == nullptr) return;
    part == Part::kWhole ? listener_->enter(stage) : listener_->enter_again(stage);
  }
  StageScope(const StageScope&) = delete;
  StageScope& operator=(const StageScope&) = delete;
  ~StageScope() {
    if (listener_ != nullptr) listener_->leave();
  }

  /// Counts bytes for the stage, such as those that were read.
  void add_bytes(uint64_t bytes) const {
    if (listener_ != nullptr) listener_->add_bytes(stage_, bytes);
  }

 private:
  detail::StageListener* const listener_;
  const Stage stage_;
};

}  // namespace millrace
