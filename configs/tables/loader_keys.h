#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "millrace/configs/tables/key.h"

namespace millrace::configs::tables {

/// The section `loader`: the options of DataLoaderOptions by their names and with their defaults.
struct Loader {
  int64_t batch_size = 1;
  int64_t num_workers = 0;
  std::string worker_mode = "process";
  std::string start_method = "forkserver";
  bool shuffle = false;
  uint64_t seed = 0;
  std::string seed_mode = "per_sample";
  bool persistent_workers = false;
  bool drop_last = false;
  int64_t prefetch = 2;
  std::optional<int64_t> prefetch_factor;
  std::optional<int64_t> max_jobs;
  bool prefetch_next_epoch = true;
  uint64_t prefetch_bytes = 0;
  int64_t held = 2;
  uint64_t kept_bytes = uint64_t{1} << 30;
  bool in_order = true;
  double timeout = 0;
  int64_t retries = 2;
  double sample_timeout = 0;
  double notice_after = 10;
  std::string on_error = "raise";
  std::string empty_batches = "left_out";
  int64_t num_streams = 8;
  uint64_t max_sample_bytes = 0;
  std::string pin_memory = "false";
  std::string device = "cpu";
  int64_t device_prefetch = 1;
  uint64_t device_batch_bytes = 0;

  static constexpr auto keys() {
    return list(
        key("batch_size", &Loader::batch_size, "Samples a batch; 32 in train unless said.").at_least(1),
        key("num_workers", &Loader::num_workers,
            "Workers; 0 reads in the trainer. In train all processors but one unless said.")
            .at_least(0),
        key("worker_mode", &Loader::worker_mode, "What a worker is.").one_of("process, thread"),
        key("start_method", &Loader::start_method, "How worker processes start.").one_of("forkserver, fork, spawn"),
        key("shuffle", &Loader::shuffle, "A new random order every epoch; in place of a sampler."),
        key("seed", &Loader::seed, "Seeds the order and what is left to chance in samples."),
        key("seed_mode", &Loader::seed_mode,
            "Where random numbers come from: a stream for each sample, or the draws of PyTorch.")
            .one_of("per_sample, torch"),
        key("persistent_workers", &Loader::persistent_workers,
            "With seed_mode torch: whether the workers' generators go on from epoch to epoch."),
        key("drop_last", &Loader::drop_last, "Leave out a last batch that would be short."),
        key("prefetch", &Loader::prefetch, "Batches made ahead.").at_least(1),
        key("prefetch_factor", &Loader::prefetch_factor, "PyTorch's: batches made ahead for each worker.")
            .at_least(1)
            .otherwise("as prefetch says"),
        key("max_jobs", &Loader::max_jobs, "torch::data's: batches on their way, for all workers together.")
            .at_least(1)
            .otherwise("as prefetch says"),
        key("prefetch_next_epoch", &Loader::prefetch_next_epoch, "Whether workers read for the next epoch, too."),
        key("prefetch_bytes", &Loader::prefetch_bytes, "Bounds the shared memory of all batches; 0: no bound.")
            .in("bytes"),
        key("held", &Loader::held, "Batches that the trainer may hold at the same time where workers wrote them.")
            .at_least(1),
        key("kept_bytes", &Loader::kept_bytes, "Ordinary memory for copies of those that it keeps beyond held.")
            .in("bytes"),
        key("in_order", &Loader::in_order, "Batches in the sampler's order, or as they are completed."),
        key("timeout", &Loader::timeout, "The longest wait for a batch; 0: as long as a worker lives.")
            .in("seconds")
            .within(0, 1e9),
        key("retries", &Loader::retries, "How often samples are read again after their worker died.").at_least(0),
        key("sample_timeout", &Loader::sample_timeout, "The longest that a worker may read one sample; 0: for ever.")
            .in("seconds")
            .within(0, 1e9),
        key("notice_after", &Loader::notice_after, "The wait for a batch that is told of; 0: none is.")
            .in("seconds")
            .within(0, 1e9),
        key("on_error", &Loader::on_error, "What happens when a sample cannot be read.").one_of("raise, skip, replace"),
        key("empty_batches", &Loader::empty_batches, "What becomes of a batch without samples.")
            .one_of("left_out, given"),
        key("num_streams", &Loader::num_streams, "Of datasets without indices: into how many streams they are cut.")
            .at_least(1),
        key("max_sample_bytes", &Loader::max_sample_bytes,
            "The room that a sample of no fixed shape is expected to take; 0: that of the first.")
            .in("bytes"),
        key("pin_memory", &Loader::pin_memory,
            "Page-lock the batches' memory, for copies to a device; auto: where there is one.")
            .one_of("auto, true, false"),
        key("device", &Loader::device, "Where batches are delivered: cpu, cuda, or cuda:1 for a certain one."),
        key("device_prefetch", &Loader::device_prefetch, "Batches whose copy to the device begins before their turn.")
            .at_least(0),
        key("device_batch_bytes", &Loader::device_batch_bytes,
            "Of datasets that make CUDA tensors: the room for those of one batch; 0: they make none.")
            .in("bytes"));
  }
};

static_assert(require_keys<Loader>());

/// An option that has no key, and why.
struct LiveOption {
  std::string_view name;
  std::string_view why;
};

/// The options that only a running program can give, or has a use for.
inline constexpr std::array<LiveOption, 4> kLiveOptions{{
    {"check_copies", "what a program asks of datasets and collate functions of its own"},
    {"generator", "a torch generator of the program; without it, seed_mode torch draws from the global one"},
    {"profile", "for programs that ask the loader; bench does, and train where it writes a trace"},
    {"worker_init_fn", "a function of the program"},
}};

}  // namespace millrace::configs::tables
