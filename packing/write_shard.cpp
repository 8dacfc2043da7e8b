#include "millrace/packing/write_shard.h"

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>

#include "millrace/loader/datasets/tar_writer.h"
#include "millrace/loader/images/datasets/picture_listing.h"
#include "millrace/packing/sample_reader.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::packing {
namespace {

// A worker's own; there is none in the packer.
std::optional<ShardCounts> counts_of_worker;

void count(uint64_t seat, uint64_t samples) {
  if (counts_of_worker) std::atomic_ref<uint64_t>((*counts_of_worker)[seat]).store(samples, std::memory_order_relaxed);
}

/// Makes the picture of a sample smaller, and leaves its other files as they are. `jpeg` is where it lies then.
void shrink_picture(const SourceSample& sample, const ResizeOptions& options, PictureShrinker& shrinker,
                    std::vector<TarShardWriter::File>& files, std::string& jpeg) {
  std::optional<size_t> picture;
  for (size_t i = 0; i < files.size(); ++i) {
    if (!millrace::detail::is_picture(sample.key + "." + std::string(files[i].extension))) continue;
    if (picture)
      throw std::runtime_error("it has several pictures, which would not fit each other any more: pack it as it is");
    picture = i;
  }
  if (!picture) return;
  try {
    auto smaller = shrinker.shrink(files[*picture].bytes, options);
    if (!smaller) return;
    jpeg = *std::move(smaller);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error("cannot make " + in_quotes(sample.files[*picture].path) + " smaller: " + error.what());
  }
  files[*picture] = {"jpg", std::as_bytes(std::span(jpeg))};
}

TarShardWriterOptions one_shard(const ShardTask& task) {
  TarShardWriterOptions options;
  options.max_shard_bytes = std::numeric_limits<uint64_t>::max();
  options.max_shard_samples = std::numeric_limits<uint64_t>::max();
  options.first_shard = task.number;
  options.plan = task.sum;
  return options;
}

}  // namespace

void begin_counting(ShardCounts counts) { counts_of_worker.emplace(std::move(counts)); }

WrittenShard write_shard(const ShardTask& task) {
  TarShardWriter writer(task.pattern, one_shard(task));
  SampleReader reader;
  PictureShrinker shrinker;
  std::string jpeg;
  WrittenShard result;
  for (uint64_t done = 0; done < task.samples.size(); ++done) {
    count(task.seat, done);
    const SourceSample& sample = task.samples[done];
    std::vector<TarShardWriter::File> files;
    try {
      files = reader.read(sample);
      if (task.resize) shrink_picture(sample, *task.resize, shrinker, files, jpeg);
    } catch (const std::runtime_error& error) {
      result.broken.push_back({sample.key, error.what()});
      continue;
    }
    // With a broken one that is not left out the shard is not wanted: the rest is read to name all of them.
    if (!result.broken.empty() && task.broken == BrokenSamples::kRefuse) continue;
    writer.write(sample.key, std::move(files));
    ++result.samples;
  }
  if (result.samples == 0 || (!result.broken.empty() && task.broken == BrokenSamples::kRefuse)) return result;
  writer.close();
  count(task.seat, task.samples.size());
  result.is_written = true;
  result.bytes = std::filesystem::file_size(writer.shards().front());
  return result;
}

}  // namespace millrace::packing
