#pragma once

#include <ATen/core/Generator.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "millrace/loader/engine/board.h"
#include "millrace/loader/engine/cursor.h"
#include "millrace/loader/engine/order.h"
#include "millrace/loader/engine/source_traits.h"
#include "millrace/loader/options.h"
#include "millrace/loader/sources/source.h"
#include "millrace/samplers/any_batch_sampler.h"
#include "millrace/samplers/sampler.h"
#include "millrace/sharing/cuda/device_arena.h"
#include "millrace/sharing/os/deadline.h"

// What follows from a loader's options before it begins: pure functions, and the only readers of most options.
namespace millrace {

/// The options as they are. Throws std::invalid_argument, naming the option and what it must be.
DataLoaderOptions checked(DataLoaderOptions options);

/// An option's time as a Timeout: zero is for ever.
Timeout limit_of(std::chrono::milliseconds option);

/// What LoaderTimeout says first: "timeout: no batch within 200 ms".
std::string no_batch_within(const DataLoaderOptions& options);

/// The order of the source's batches: that of `batch_sampler` or of `sampler`, when there is one, else the options'.
/// Throws std::invalid_argument for what does not go together.
std::unique_ptr<Order> make_order(const Source& source, std::optional<AnySampler> sampler,
                                  std::optional<AnyBatchSampler> batch_sampler, const DataLoaderOptions& options);

/// A seed drawn as torch.empty((), dtype=torch.int64).random_(generator=generator).item() draws it; an undefined
/// generator is torch's default one.
int64_t draw_seed(const at::Generator& generator);

/// Throws std::invalid_argument for options that do not fit a source of such traits, whatever its samples look like.
void require_fitting(SourceTraits traits, const DataLoaderOptions& options);

/// What a sample takes in a slot, where that is known without reading one. It is nothing where there is no sample, and
/// options.max_sample_bytes() where batches are packed and that is set.
std::optional<SampleSpec> known_spec(Source& source, const DataLoaderOptions& options);

/// How many samples, from the first, are tried until one can be read and shows what all look like. What is wrong with
/// the others is told when their turn comes.
size_t samples_to_try(const Source& source);

/// What a sample takes in a slot, found by reading samples in this thread. Torch's default generator is left as it was.
/// When none could be read, throws what the first one throws; but batches that are packed get room for samples of a
/// usual size.
SampleSpec read_spec(Source& source);

/// Room on the device for the CUDA tensors of that many slots; null unless options.device_batch_bytes() asks for it.
std::shared_ptr<cuda::DeviceArena> device_arena_of(const DataLoaderOptions& options, size_t slots);

/// How far plans go. They go on into the next epoch, so that its first batch does not come late; but not where the next
/// epoch's order is drawn from torch's generator, or its streams cannot begin before the last ones have ended.
Cursor::Reach reach_of(SourceTraits traits, const DataLoaderOptions& options);

/// True when one worker fills a batch from its first to its last sample.
bool whole_batches(SourceTraits traits, const DataLoaderOptions& options);

/// Whether a slot that came home may still be read by a device.
bool read_by_devices(const DataLoaderOptions& options);

/// How many batches are open at a time, for slots of that many bytes. Throws std::invalid_argument when they are too
/// many.
int64_t batches_ahead(SourceTraits traits, const DataLoaderOptions& options, size_t slot_bytes);

/// How many slots there are: the sum over the places that a batch can be in. With every place full there is still no
/// slot missing, so opening never has to wait for anything but the user.
size_t slots_needed(int64_t ahead, const DataLoaderOptions& options);

/// How batches are cut into ranges. Where workers share batches, all of them fill one at once, in two ranges each, so
/// that a slow one costs the others little.
Board::Geometry geometry_of(SourceTraits traits, int64_t ahead, const DataLoaderOptions& options);

}  // namespace millrace
