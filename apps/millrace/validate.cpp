#include "millrace/apps/millrace/validate.h"

#include <exception>
#include <string>

#include "millrace/apps/millrace/picture_sizes.h"
#include "millrace/configs/complaint.h"
#include "millrace/configs/errors.h"
#include "millrace/loader/data_loader.h"
#include "millrace/loader/engine/worker_count.h"
#include "millrace/loader/options.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/training/data.h"
#include "millrace/training/mask_warning.h"

namespace millrace::apps {
namespace {

constexpr int64_t kCopies = 8;  // Samples of which the copy that workers get is compared with the original.

// What the first batch of a pipeline looks like. Throws ConfigError when it cannot be made.
std::string describe_first_batch(const configs::Node& pipeline, const ProgramTypes& types) {
  const auto options = configs::read_loader_options(pipeline.section("loader"));
  warn_of_many_workers(options.num_workers());  // None are started here.
  const auto dataset = types.datasets.open(pipeline.section("loader"));
  training::require_samples(pipeline, dataset.samples);
  if (dataset.samples) require_one_size(pipeline, types.transforms, {*dataset.samples, dataset.picture_file});
  try {
    const auto loader = dataset.make_loader(DataLoaderOptions(options).num_workers(0).check_copies(kCopies));
    const auto batch = loader->next();
    if (!batch) return "no batch: the dataset is smaller than one, and loader.drop_last drops it";
    training::warn_of_black_and_white_masks(batch->columns());
    const std::string samples = dataset.samples ? counted(*dataset.samples, "sample") : "samples";
    const std::string classes = dataset.classes.empty() ? "" : " in " + counted(dataset.classes.size(), "class");
    return samples + classes + ", the first batch: " + to_string(batch->columns());
  } catch (const configs::ConfigError&) {
    throw;
  } catch (const std::exception& error) {
    const configs::Node section = pipeline["dataset"];
    throw configs::complaint("its first batch cannot be made: " + std::string(error.what()), {section}, section);
  }
}

}  // namespace

void validate(const configs::Node& run, const ProgramTypes& types, const TellFound& tell) {
  configs::Problems problems;
  const auto look_at = [&](const std::string& name, const configs::Node& pipeline) {
    problems.collect([&] { tell(name, describe_first_batch(pipeline, types)); });
  };
  look_at("dataset", run);
  if (const auto test = run.find("test")) look_at("test.dataset", *test);
  problems.raise();
}

}  // namespace millrace::apps
