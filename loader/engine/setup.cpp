#include "millrace/loader/engine/setup.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

#include "millrace/loader/device/device_copy.h"
#include "millrace/loader/engine/stage_block.h"
#include "millrace/samplers/batch_sampler.h"
#include "millrace/samplers/random_sampler.h"
#include "millrace/samplers/sequential_sampler.h"
#include "millrace/sharing/cuda/mps.h"

namespace millrace {
namespace {

constexpr int64_t kMaxSlots = 4096;
constexpr size_t kSamplesToTry = 8;

void require(bool good, const std::string& complaint) {
  if (!good) throw std::invalid_argument("DataLoaderOptions: " + complaint);
}

// Worker processes that use the device themselves.
void require_device_workers(const DataLoaderOptions& options) {
  if (options.num_workers() == 0 || options.worker_mode() == WorkerMode::kThread) return;
  require(options.start_method() != StartMethod::kFork,
          "device_batch_bytes is for workers that use CUDA, and what is forked off the trainer, which uses it too, "
          "cannot: use start_method(StartMethod::kForkServer) or kSpawn");
  if (const auto mps = cuda::mps_pipe_directory())
    require(false, "device_batch_bytes is not for worker processes under MPS (its pipes are in " + *mps +
                       "): a worker that is stuck or in the way is killed, and MPS does not allow that a client with "
                       "work in flight is. Let workers make CPU tensors, use WorkerMode::kThread, or end MPS and unset "
                       "CUDA_MPS_PIPE_DIRECTORY");
}

}  // namespace

DataLoaderOptions checked(DataLoaderOptions options) {
  const auto text = [](const char* name, int64_t value) { return std::string(name) + " is " + std::to_string(value); };
  require(options.batch_size() > 0, text("batch_size", options.batch_size()) + ", it must be positive");
  require(options.num_workers() >= 0, text("num_workers", options.num_workers()) + ", it cannot be negative");
  require(options.prefetch() >= 0, text("prefetch", options.prefetch()) + ", it cannot be negative");
  require(options.max_jobs().value_or(0) >= 0,
          text("max_jobs", options.max_jobs().value_or(0)) + ", it cannot be negative");
  require(options.prefetch_factor().value_or(1) > 0,
          text("prefetch_factor", options.prefetch_factor().value_or(1)) + ", it must be positive");
  require(options.held() > 0, text("held", options.held()) + ", it must be positive");
  require(options.retries() >= 0, text("retries", options.retries()) + ", it cannot be negative");
  require(options.num_streams() > 0, text("num_streams", options.num_streams()) + ", it must be positive");
  require(options.timeout().count() >= 0, text("timeout", options.timeout().count()) + " ms, it cannot be negative");
  require(options.sample_timeout().count() >= 0,
          text("sample_timeout", options.sample_timeout().count()) + " ms, it cannot be negative");
  require(options.notice_after().count() >= 0,
          text("notice_after", options.notice_after().count()) + " ms, it cannot be negative");
  require(options.device().is_cpu() || options.device().is_cuda(),
          "device is " + options.device().str() + ", it must be cpu or cuda");
  require(options.device_prefetch() >= 0,
          text("device_prefetch", options.device_prefetch()) + ", it cannot be negative");
  const bool torch_seeds = options.seed_mode() == SeedMode::kTorch;
  require(torch_seeds || !options.generator().defined(), "generator needs seed_mode(SeedMode::kTorch); use seed");
  require(!torch_seeds || options.num_workers() == 0 || options.worker_mode() == WorkerMode::kProcess,
          "SeedMode::kTorch needs worker processes: threads share torch's default generator");
  require(!torch_seeds || options.num_workers() > 0 || !options.persistent_workers(),
          "persistent_workers with SeedMode::kTorch needs num_workers > 0, as in PyTorch");
  if (options.device_batch_bytes() > 0) {
    require(options.device().is_cuda(),
            "device_batch_bytes is room on a CUDA device, but device is " + options.device().str());
    require_device_workers(options);
  }
  return options;
}

Timeout limit_of(std::chrono::milliseconds option) {
  return option.count() > 0 ? Timeout(option) : Timeout(std::nullopt);
}

std::string no_batch_within(const DataLoaderOptions& options) {
  return "timeout: no batch within " + std::to_string(options.timeout().count()) + " ms";
}

int64_t draw_seed(const at::Generator& generator) {
  const auto given = generator.defined() ? std::optional<at::Generator>(generator) : std::nullopt;
  return at::empty({}, at::TensorOptions(at::kLong)).random_(given).item<int64_t>();
}

namespace {

// PyTorch's RandomSampler without a generator: each epoch begins by drawing a seed from the global one.
class GloballySeededSampler {
 public:
  explicit GloballySeededSampler(int64_t n) : n_(n) {}

  int64_t size() const { return n_; }
  void set_epoch(int64_t) { order_.reset(); }
  std::optional<int64_t> next() {
    if (!order_) {
      const auto seed = static_cast<uint64_t>(draw_seed({}));
      order_.emplace(n_, at::make_generator<at::CPUGeneratorImpl>(seed));
    }
    return order_->next();
  }

 private:
  int64_t n_;
  std::optional<RandomSampler> order_;
};

AnySampler default_sampler(const DataLoaderOptions& options, size_t samples) {
  const auto n = static_cast<int64_t>(known_size(samples));
  // PyTorch's RandomSampler refuses to be empty; an empty dataset has one order only.
  if (!options.shuffle() || n == 0) return SequentialSampler(n);
  if (options.seed_mode() == SeedMode::kPerSample) return RandomSampler(n, {.seed = options.seed()});
  if (options.generator().defined()) return RandomSampler(n, options.generator());
  return GloballySeededSampler(n);
}

}  // namespace

std::unique_ptr<Order> make_order(const Source& source, std::optional<AnySampler> sampler,
                                  std::optional<AnyBatchSampler> batch_sampler, const DataLoaderOptions& options) {
  const bool own = sampler || batch_sampler;
  if (traits_of(source).streamed) {
    require(!own && !options.shuffle(),
            "a dataset without indices has no sampler and no shuffle: let the dataset give its samples in the order "
            "that you want");
    require(options.on_error() != OnError::kReplace, "a stream cannot replace a sample; skip it");
    const int64_t streams = std::min(options.num_streams(), source.max_streams());
    return std::make_unique<StreamOrder>(streams, options.batch_size(), options.drop_last(), source.size());
  }
  require(!own || !options.shuffle(), "shuffle is for loaders without a sampler of their own; drop one");
  if (batch_sampler) return std::make_unique<IndexOrder>(std::move(*batch_sampler));
  return std::make_unique<IndexOrder>(
      BatchSampler<AnySampler>(sampler ? std::move(*sampler) : default_sampler(options, source.size()),
                               options.batch_size(), options.drop_last()));
}

void require_fitting(SourceTraits traits, const DataLoaderOptions& options) {
  require(options.device_batch_bytes() == 0 || traits.packed,
          "device_batch_bytes is for datasets that make CUDA tensors, but this one's samples are rows of host memory: "
          "leave it out, and the loader copies the batches to the device; or give a collate function");
}

std::optional<SampleSpec> known_spec(Source& source, const DataLoaderOptions& options) {
  if (!traits_of(source).streamed && source.size() == 0) return SampleSpec();
  if (traits_of(source).packed && options.max_sample_bytes() > 0) return packed_spec(options.max_sample_bytes());
  return source.known_spec();
}

size_t samples_to_try(const Source& source) { return std::min<size_t>(source.size(), kSamplesToTry); }

namespace {

// Puts torch's default generator back, so that what is drawn from it meanwhile is drawn again afterwards.
class KeepDefaultGenerator {
 public:
  KeepDefaultGenerator() : generator_(at::detail::getDefaultCPUGenerator()) {
    const std::lock_guard<std::mutex> lock(generator_.mutex());
    state_ = generator_.get_state();
  }
  KeepDefaultGenerator(const KeepDefaultGenerator&) = delete;
  KeepDefaultGenerator& operator=(const KeepDefaultGenerator&) = delete;
  ~KeepDefaultGenerator() {
    const std::lock_guard<std::mutex> lock(generator_.mutex());
    generator_.set_state(state_);
  }

 private:
  at::Generator generator_;
  at::Tensor state_;
};

}  // namespace

SampleSpec read_spec(Source& source) {
  const KeepDefaultGenerator keep;
  std::exception_ptr first;
  for (size_t sample = 0; sample < samples_to_try(source); ++sample) {
    try {
      return source.read_spec(sample);
    } catch (...) {
      if (!first) first = std::current_exception();
    }
  }
  if (traits_of(source).packed) return packed_spec(kUnknownSampleBytes);
  std::rethrow_exception(first);
}

std::shared_ptr<cuda::DeviceArena> device_arena_of(const DataLoaderOptions& options, size_t slots) {
  if (options.device_batch_bytes() == 0) return nullptr;
  return std::make_shared<cuda::DeviceArena>(require_cuda(options.device()).index(), slots,
                                             options.device_batch_bytes(),
                                             "lower DataLoaderOptions::device_batch_bytes, prefetch or held");
}

Cursor::Reach reach_of(SourceTraits traits, const DataLoaderOptions& options) {
  const bool may_go_on =
      options.prefetch_next_epoch() && !traits.streamed && options.seed_mode() == SeedMode::kPerSample;
  return may_go_on ? Cursor::Reach::kNextEpochs : Cursor::Reach::kEpoch;
}

bool whole_batches(SourceTraits traits, const DataLoaderOptions& options) {
  return traits.packed || options.seed_mode() == SeedMode::kTorch;
}

bool read_by_devices(const DataLoaderOptions& options) { return options.pin_memory() || options.device().is_cuda(); }

int64_t batches_ahead(SourceTraits traits, const DataLoaderOptions& options, size_t slot_bytes) {
  const int64_t workers = std::max<int64_t>(options.num_workers(), 1);
  int64_t ahead = options.prefetch() * (whole_batches(traits, options) ? workers : 1);
  if (options.max_jobs()) ahead = *options.max_jobs();
  if (options.prefetch_factor()) ahead = *options.prefetch_factor() * workers;
  if (options.prefetch_bytes() > 0) {
    const auto others = static_cast<int64_t>(slots_needed(1, options)) - 1;
    const auto fit = static_cast<int64_t>(options.prefetch_bytes() / slot_bytes) - others;
    ahead = std::min(ahead, std::max<int64_t>(fit, 1));
  }
  require(ahead + options.held() < kMaxSlots, "prefetch + held must stay below " + std::to_string(kMaxSlots));
  return ahead;
}

size_t slots_needed(int64_t ahead, const DataLoaderOptions& options) {
  return static_cast<size_t>(std::max<int64_t>(ahead, 1)            // being filled, or complete and waiting their turn
                             + options.held()                       // in the user's hands
                             + int64_t{read_by_devices(options)});  // let go by the user, but not by the device
}

Board::Geometry geometry_of(SourceTraits traits, int64_t ahead, const DataLoaderOptions& options) {
  const auto batch = static_cast<uint32_t>(options.batch_size());
  const auto workers = static_cast<uint32_t>(std::max<int64_t>(options.num_workers(), 1));
  const uint32_t range_samples = whole_batches(traits, options) ? batch : std::max(batch / (2 * workers), 1U);
  return {static_cast<uint32_t>(slots_needed(ahead, options)), (batch + range_samples - 1) / range_samples,
          range_samples, workers, static_cast<uint32_t>(stage_bytes(options.profile()))};
}

}  // namespace millrace
