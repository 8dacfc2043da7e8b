#include "millrace/loader/engine/spec_search.h"

#include <algorithm>
#include <csignal>
#include <limits>
#include <thread>
#include <utility>
#include <variant>

#include "millrace/loader/engine/corrupted.h"
#include "millrace/loader/engine/epoch_seeds.h"
#include "millrace/loader/engine/sample_names.h"
#include "millrace/loader/engine/setup.h"
#include "millrace/loader/engine/source_traits.h"
#include "millrace/loader/errors.h"
#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/notice.h"
#include "millrace/sharing/os/poll.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/seconds_text.h"
#include "millrace/sharing/process/fork_server.h"
#include "millrace/sharing/process/kernel_state.h"

namespace millrace {
namespace {

constexpr auto kLook = std::chrono::milliseconds(100);  // Between two looks for an end that no message tells of.
constexpr auto kHungUp = std::chrono::seconds(1);       // Until a worker that closed its socket must have ended.
constexpr auto kLookForServer = std::chrono::milliseconds(10);
constexpr size_t kMostFields = 1 << 16;
constexpr auto kVacancy = std::chrono::seconds(30);  // As long as for any answer of the fork server.

// The worker's word for it is what memory will be cut by: a terabyte a sample is more than any machine has for a batch,
// and little enough for sums of it.
void require_possible(const SampleSpec& spec, SourceTraits traits) {
  constexpr int64_t kMost = int64_t{1} << 40;
  if (traits.packed && (spec.fields.size() != 1 || spec.fields[0].dtype != c10::ScalarType::Byte))
    throw DecodeError("packed batches have one field of bytes");
  if (spec.fields.size() > kMostFields) throw DecodeError("too many fields");
  for (const auto& field : spec.fields) {
    if (field.dtype < c10::ScalarType::Byte || field.dtype >= c10::ScalarType::Undefined ||
        c10::isQIntType(field.dtype))
      throw DecodeError("a field of no type");
    auto bytes = static_cast<int64_t>(c10::elementSize(field.dtype));
    for (const int64_t size : field.shape)
      if (size < 0 || __builtin_mul_overflow(bytes, size, &bytes) || bytes > kMost)
        throw DecodeError("a field of an impossible size");
  }
}

}  // namespace

SpecSearch::SpecSearch(WorkerProcesses& processes, const Source& source, const DataLoaderOptions& options)
    : processes_(processes),
      worker_(processes[0]),
      source_(source),
      options_(options),
      long_wait_(std::nullopt, Deadline::Clock::now()) {
  ask();
}

SampleSpec SpecSearch::find() {
  if (fatal_) std::rethrow_exception(fatal_);
  const Deadline deadline(limit_of(options_.timeout()));
  long_wait_ = LongWait(limit_of(options_.notice_after()), Deadline::Clock::now());
  for (;;) {
    if (!worker_.child) replace(deadline);
    if (sample_ == samples_to_try(source_)) return of_none();
    const auto message = next_message(deadline);
    if (!message)
      note_death();
    else if (auto spec = take(*message))
      return *std::move(spec);
  }
}

// With SeedMode::kTorch the base seed is drawn when the first epoch begins, and not before.
void SpecSearch::ask() {
  if (sample_ == samples_to_try(source_)) return;
  SpecQuestion question{sample_, std::nullopt};
  if (options_.seed_mode() == SeedMode::kPerSample) question.base_seed = EpochSeeds(options_).base();
  try {
    worker_.control.send(encode(TrainerMessage(question)).bytes);
  } catch (const PeerGone&) {
    // Its death is noticed where an answer is waited for.
  }
}

// The spec, where the message says it.
std::optional<SampleSpec> SpecSearch::take(const WorkerMessage& message) {
  if (const auto* const failure = std::get_if<StartFailure>(&message))
    give_up(who() + " could not build its dataset: " + printable_lines(failure->text));
  if (const auto* const doing = std::get_if<Doing>(&message)) {
    note_doing(*doing);
    return std::nullopt;
  }
  if (const auto* const failure = std::get_if<SampleFailure>(&message)) {
    const std::string path = describe_or_why_not(source_, sample_);
    go_on_behind(
        std::make_exception_ptr(SampleError(static_cast<int64_t>(sample_), path, 0, failure->type, failure->message)));
    ask();
    return std::nullopt;
  }
  return std::get<SpecAnswer>(message).spec;
}

void SpecSearch::note_doing(const Doing& doing) {
  const bool follows = doing.phase == WorkerPhase::kReading
                           ? phase_ == WorkerPhase::kStarting || phase_ == WorkerPhase::kInit
                           : doing.phase == WorkerPhase::kInit && phase_ == WorkerPhase::kStarting;
  if (!follows || doing.sample != sample_) give_up_on_foreign("it does what it was not asked for");
  phase_ = doing.phase;
  since_ = Deadline::Clock::now();
  deaths_before_ready_ = 0;
}

// The worker's next message; nullopt when it has ended and all its messages have been read.
std::optional<WorkerMessage> SpecSearch::next_message(const Deadline& deadline) {
  for (;;) {
    const bool has_ended = worker_.child.wait(std::chrono::nanoseconds(0)).has_value();
    if (auto message = told()) return message;
    if (has_ended) return std::nullopt;
    end_stuck();
    require_in_time(deadline);
    tell_if_long();
    if (worker_.control)
      poll_readable(worker_.control.fd(), deadline.left(kLook));
    else if (!worker_.child.wait(kHungUp))
      worker_.child.kill(SIGKILL);  // The dataset has closed a descriptor that is not its own.
  }
}

std::optional<WorkerMessage> SpecSearch::told() {
  if (!worker_.control) return std::nullopt;
  try {
    auto message = processes_.told(0);
    if (const auto* const answer = message ? std::get_if<SpecAnswer>(&*message) : nullptr)
      require_possible(answer->spec, traits_of(source_));
    return message;
  } catch (const DecodeError& e) {
    give_up_on_foreign(e.what());
  } catch (const cereal::Exception& e) {
    give_up_on_foreign(e.what());
  }
}

void SpecSearch::end_stuck() {
  if (is_stuck()) worker_.child.kill(SIGKILL);
}

bool SpecSearch::is_stuck() const {
  const auto limit = limit_of(options_.sample_timeout());
  return limit && phase_ == WorkerPhase::kReading && lasted() >= *limit;
}

std::chrono::nanoseconds SpecSearch::lasted() const { return Deadline::Clock::now() - since_; }

void SpecSearch::note_death() {
  const ExitStatus status = worker_.child.wait(std::chrono::nanoseconds(0)).value();
  const std::string what = who() + " " + status.str();
  std::string doing = "building its dataset";
  if (phase_ == WorkerPhase::kInit) doing = "running worker_init_fn";
  if (phase_ == WorkerPhase::kReading) doing = "reading " + sample_text();
  if (++deaths_ == 1)
    tell(NoticeLevel::kWarning, "DataLoader: " + what + " while " + doing +
                                    ", and another takes its place. Further deaths are counted, and summed up at the "
                                    "end of the epoch");
  if (phase_ == WorkerPhase::kStarting) {
    if (++deaths_before_ready_ > options_.retries())
      give_up(what + " before it had built its dataset, " + counted(deaths_before_ready_, "time") + " in a row");
  } else {
    if (is_stuck()) doing += ", where it was stuck for " + seconds_text(lasted());
    go_on_behind(std::make_exception_ptr(WorkerDied(what + " while " + doing, worker_.child.pid(), status, doing)));
  }
  phase_ = WorkerPhase::kStarting;
  worker_.child = {};
}

// Another in the place of the dead. The fork server may be stopped for some time.
void SpecSearch::replace(const Deadline& deadline) {
  const Deadline vacancy{kVacancy};
  for (;;) {
    try {
      processes_.start(0);
      return ask();
    } catch (const ForkServerStopped& e) {
      if (vacancy.passed()) give_up(std::string("a worker could not be replaced: ") + e.what());
      if (deadline.passed())
        throw LoaderTimeout(no_batch_within(options_) + ": no worker could be started: " + e.what());
      tell_if_long();
      std::this_thread::sleep_for(kLookForServer);
    } catch (const std::exception& e) {
      give_up(std::string("worker 0 could not be replaced: ") + e.what());
    }
  }
}

void SpecSearch::go_on_behind(std::exception_ptr failure) {
  phase_ = WorkerPhase::kStarting;
  if (!first_failure_) first_failure_ = std::move(failure);
  ++sample_;
}

// The room for packed batches may be guessed, since what is larger comes by message.
SampleSpec SpecSearch::of_none() {
  if (traits_of(source_).packed) return packed_spec(kUnknownSampleBytes);
  give_up(first_failure_);
}

void SpecSearch::require_in_time(const Deadline& deadline) const {
  if (!deadline.passed()) return;
  throw LoaderTimeout(no_batch_within(options_) + ": " + what_it_does());
}

void SpecSearch::tell_if_long() {
  const auto now = Deadline::Clock::now();
  if (!long_wait_.is_due(now)) return;
  tell(NoticeLevel::kWarning, "DataLoader: what samples look like has not come for " +
                                  seconds_text(long_wait_.lasted(now)) + ": " + what_it_does());
}

std::string SpecSearch::what_it_does() const {
  if (!worker_.child) return "worker 0 is dead, and the fork server is stopped";
  const std::string state = kernel_state(worker_.child.pid()).text;
  std::string doing = " builds its dataset";
  if (phase_ == WorkerPhase::kInit) doing = " runs worker_init_fn for " + seconds_text(lasted());
  if (phase_ == WorkerPhase::kReading)
    doing = " reads " + sample_text() + ", which shows what samples look like, for " + seconds_text(lasted());
  return who() + doing + (state.empty() ? state : " (" + state + ")");
}

std::string SpecSearch::who() const { return "worker 0 (pid " + std::to_string(worker_.child.pid()) + ")"; }

std::string SpecSearch::sample_text() const {
  const std::string path = describe_or_why_not(source_, sample_);
  return "sample " + std::to_string(sample_) + (path.empty() ? path : " (" + printable(path) + ")");
}

void SpecSearch::give_up(std::exception_ptr reason) {
  fatal_ = std::move(reason);
  std::rethrow_exception(fatal_);
}

void SpecSearch::give_up_on_foreign(const std::string& what) {
  give_up(std::make_exception_ptr(foreign_message(0, what)));
}

void SpecSearch::give_up(const std::string& reason) { give_up(std::make_exception_ptr(WorkerStartError(reason))); }

}  // namespace millrace
