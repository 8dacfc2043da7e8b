#include "millrace/loader/engine/worker.h"

#include <ATen/CPUGeneratorImpl.h>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/loader/detail/damaged_jpegs.h"
#include "millrace/loader/device/device_slot.h"
#include "millrace/loader/engine/sample_names.h"
#include "millrace/sharing/os/limits.h"
#include "millrace/sharing/os/look.h"
#include "millrace/sharing/os/own_pid.h"
#include "millrace/sharing/process/type_name.h"

namespace millrace {
namespace {

constexpr int kStranger = 125;  // The exit code of a process that a dataset forked and left behind.
constexpr auto kLookForOrphans = std::chrono::milliseconds(500);

int64_t now_ns() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

template <size_t N>
void copy_cut(std::array<char, N>& to, std::string_view from) {
  constexpr std::string_view kCut = "...";
  const size_t length = std::min(from.size(), N - 1);
  std::copy_n(from.begin(), length, to.begin());
  to[length] = '\0';
  if (from.size() > length) std::copy(kCut.begin(), kCut.end(), to.begin() + (length - kCut.size()));
}

// Counts the damaged JPEGs that are read while it lives; before the trainer learns that the range is done.
class CountDamaged {
 public:
  explicit CountDamaged(Beacon& beacon) : beacon_(beacon) {}
  CountDamaged(const CountDamaged&) = delete;
  CountDamaged& operator=(const CountDamaged&) = delete;
  ~CountDamaged() {
    const uint64_t more = image::damaged_jpegs_read - before_;
    if (more > 0) beacon_.damaged_jpegs.fetch_add(more, std::memory_order_relaxed);
  }

 private:
  Beacon& beacon_;
  const uint64_t before_ = image::damaged_jpegs_read;
};

// Lets scopes of stages in this thread be heard by `listener` while it lives. A loader may be read by the dataset of
// another, so what was there before comes back.
class HearStages {
 public:
  explicit HearStages(detail::StageListener* listener) : before_(std::exchange(detail::stage_listener, listener)) {}
  HearStages(const HearStages&) = delete;
  HearStages& operator=(const HearStages&) = delete;
  ~HearStages() { detail::stage_listener = before_; }

 private:
  detail::StageListener* const before_;
};

}  // namespace

SlotLayout layout_of(const SampleSpec& spec, size_t batch_size) {
  std::vector<size_t> row_bytes;
  for (const auto& field : spec.fields) row_bytes.push_back(field.bytes());
  return {batch_size, row_bytes};
}

void end_stranger(pid_t worker) {
  if (own_pid() == worker) return;
  constexpr std::string_view kText =
      "millrace: a process that a dataset forked came back from reading a sample and is ended; it has to end itself "
      "with _exit()\n";
  static_cast<void>(!::write(STDERR_FILENO, kText.data(), kText.size()));
  ::_exit(kStranger);
}

void begin_work(WorkerRole& role, uint64_t base_seed) {
  if (role.number >= 0) {
    const auto id = static_cast<uint64_t>(role.number);
    if (role.seed_mode == SeedMode::kTorch) {
      at::Generator generator = at::detail::getDefaultCPUGenerator();
      const std::lock_guard<std::mutex> lock(generator.mutex());
      generator.set_current_seed(base_seed + id);
    }
    const WorkerInfo info{role.number, role.num_workers, base_seed + id};
    detail::set_worker_info(info);
    // With SeedMode::kTorch a new base seed stands for a new worker.
    if ((!role.begun_with || role.seed_mode == SeedMode::kTorch) && role.init != nullptr) role.init(info);
  }
  role.begun_with = base_seed;
}

Worker::Worker(const Place& place, Source& source, const WorkerRole& role)
    : place_(place), source_(source), role_(role), beacon_(place.board.beacon(board_number())), pid_(own_pid()) {
  if (role.seed_mode == SeedMode::kTorch)
    generator_ = at::detail::getDefaultCPUGenerator();
  else if (role.owns_process)
    own_generator_ = at::detail::getDefaultCPUGenerator();
  beacon_.sleeping.store(0, std::memory_order_relaxed);
  beacon_.incarnation.store(role.incarnation, std::memory_order_relaxed);
  begin_measuring();
  note(WorkerPhase::kIdle, -1);
}

void Worker::begin_measuring() {
  const auto memory = place_.board.stage_memory(board_number());
  if (!memory.empty()) stages_.emplace(stage_block(memory), span_ring(memory), clock_);
}

void Worker::run(const std::function<bool()>& orphaned) {
  while (!place_.board.stopping() && !orphaned()) {
    if (!look_for_a_while([&] { return fill_one(); })) place_.board.wait_for_work(board_number(), kLookForOrphans);
  }
}

bool Worker::fill_one() {
  const auto claim = place_.board.claim(role_.incarnation, board_number());
  if (!claim) {
    if (stages_ && role_.number >= 0) stages_->idle();
    return false;
  }
  const uint64_t begun = note(WorkerPhase::kReading, -1);
  if (stages_ && role_.number < 0) stages_->begin_anew(begun);  // The time since the last range was the trainer's.
  if (stages_) stages_->begin_range(begun);
  fill(*claim);
  const uint64_t ended = note(WorkerPhase::kIdle, -1);
  if (stages_) stages_->end_range(ended);
  return true;
}

void Worker::fill(const Claim& claim) {
  DeviceSlot device_slot(place_.device_arena, claim.slot);
  FillRequest request(
      {place_.arena + claim.slot * place_.layout.slot_bytes(), place_.layout, device_slot, *place_.spill,
       beacon_.sample, beacon_.samples_started, stages_ && stages_->times_samples() ? &*stages_ : nullptr},
      claim, source_.size(), role_.number, generator_, own_generator_);
  try {
    const CountDamaged count(beacon_);
    const HearStages hear(stages_ ? &*stages_ : nullptr);
    if (role_.begun_with != claim.base_seed) begin(claim.base_seed);
    source_.fill(request);
  } catch (const std::exception& e) {
    end_stranger(pid_);
    return report(claim, request, type_name(typeid(e)), text_with_limit(e));
  } catch (...) {
    end_stranger(pid_);
    return report(claim, request, current_exception_type(), "thrown by the dataset; it is no std::exception");
  }
  end_stranger(pid_);
  if (stages_) stages_->begin_hand_over(request.samples(), request.first_index());
  if (place_.board.finish(claim, role_.incarnation)) place_.done.signal();
}

void Worker::begin(uint64_t base_seed) {
  if (role_.init != nullptr) note(WorkerPhase::kInit, kNoSample);
  begin_work(role_, base_seed);
  if (role_.init != nullptr) note(WorkerPhase::kReading, kNoSample);
}

void Worker::report(const Claim& claim, FillRequest& request, const std::string& type, const std::string& message) {
  request.abandon();
  std::string path;
  const int64_t index = request.current_index();
  if (index >= 0 && index < static_cast<int64_t>(source_.size()))
    path = describe_or_why_not(source_, static_cast<size_t>(index));
  error_.sample = request.current();
  error_.index = index;
  copy_cut(error_.type, type);
  copy_cut(error_.path, path);
  copy_cut(error_.message, message);
  if (place_.board.fail(claim, role_.incarnation, error_)) place_.done.signal();
}

// Gives the time.
uint64_t Worker::note(WorkerPhase phase, int64_t sample) {
  const int64_t now = now_ns();
  beacon_.sample.store(sample, std::memory_order_relaxed);
  beacon_.since_ns.store(now, std::memory_order_relaxed);
  // Release: pairs with the trainer's acquire in wait_ready(), which takes kIdle as "the dataset is built".
  beacon_.phase.store(phase, std::memory_order_release);
  return static_cast<uint64_t>(now);
}

}  // namespace millrace
