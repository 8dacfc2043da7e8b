#include "millrace/loader/sources/stream_sources.h"

#include <stdexcept>
#include <string>

namespace millrace::detail {
namespace {

constexpr auto kLinesToWrite =
    "    const int64_t number = context.position() * context.num_shards() + context.shard();\n"
    "    if (number >= samples) return std::nullopt;\n";

}  // namespace

void refuse_whole_streams(int64_t num_streams, bool counts_workers) {
  std::string text = "this dataset is read by " + std::to_string(num_streams) +
                     " streams, and its next(context) gave samples without asking which are its own, so each stream "
                     "gives the same ones. Deal them out, whatever the number of workers is, as in\n" +
                     kLinesToWrite;
  if (counts_workers)
    text +=
        "in the place of get_worker_info(), whose id and num_workers are no stream's. One stream that gives all "
        "samples, DataLoaderOptions::num_streams(1), must not deal them out by get_worker_info() either";
  else
    text += "or say DataLoaderOptions::num_streams(1): one stream gives all of them";
  throw std::logic_error(text);
}

void require_no_parts_of_workers(bool worker_asked) {
  if (!worker_asked || workers_beside() < 2) return;
  throw std::logic_error(
      "this dataset is one stream, which one of " + std::to_string(workers_beside()) +
      " workers reads, but it asked get_worker_info(): if it deals its samples out among workers, those of the others "
      "are lost. Say DataLoaderOptions::num_workers(1), with which one worker reads all of them as well; or let "
      "next(context) deal them out among streams, as in\n" +
      kLinesToWrite +
      "One that has asked context.shard() may ask get_worker_info() for what is no part of its samples, such as the "
      "name of a log");
}

}  // namespace millrace::detail
