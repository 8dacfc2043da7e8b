#include "millrace/loader/sources/stream_sources.h"

#include <stdexcept>
#include <string>

namespace millrace::detail {

void refuse_whole_streams(int64_t num_streams, bool counts_workers) {
  std::string text = "this dataset is read by " + std::to_string(num_streams) +
                     " streams, and its next(context) gave samples without asking which are its own, so each stream "
                     "gives the same ones. Deal them out, whatever the number of workers is, as in\n"
                     "    const int64_t number = context.position() * context.num_shards() + context.shard();\n"
                     "    if (number >= samples) return std::nullopt;\n";
  if (counts_workers)
    text +=
        "in the place of get_worker_info(), whose id and num_workers are no stream's. One stream that gives all "
        "samples, DataLoaderOptions::num_streams(1), must not deal them out by get_worker_info() either";
  else
    text += "or say DataLoaderOptions::num_streams(1): one stream gives all of them";
  throw std::logic_error(text);
}

}  // namespace millrace::detail
