#include "millrace/showing/shown_samples.h"

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <utility>
#include <variant>

#include "millrace/loader/data_loader.h"
#include "millrace/loader/errors.h"
#include "millrace/showing/overview.h"
#include "millrace/showing/values.h"
#include "millrace/training/read_alone.h"
#include "millrace/training/tasks/exhibit.h"

namespace millrace::showing {
namespace {

constexpr int kRawSide = 256;
constexpr size_t kMostLost = 8;  // Batches that are lost before the rest is given up.
constexpr size_t kLetters = 240;

std::string side_by_side(int64_t height, int64_t width) {
  return std::to_string(width) + " x " + std::to_string(height);
}

// "224 x 224", with the type where it is none of bytes.
std::string size_of(const Columns& batch) {
  const at::Tensor& pictures = batch.tensor(size_t{0});
  const std::string type =
      pictures.scalar_type() == at::kByte ? "" : std::string(" ") + c10::toString(pictures.scalar_type());
  return side_by_side(pictures.size(2), pictures.size(3)) + type;
}

bool is_drawn(const Column& column) {
  const auto* tensor = std::get_if<at::Tensor>(&column.value);
  return column.name == "boxes" || (tensor != nullptr && tensor->dim() == 4);
}

std::vector<Fact> facts_of(const Columns& batch, int64_t sample, const std::vector<std::string>& classes) {
  std::vector<Fact> facts;
  for (const Column& column : batch) {
    if (training::has_pictures(batch) && is_drawn(column)) continue;
    std::string text = text_of_value(column.value, sample, kLetters);
    const auto* tensor = std::get_if<at::Tensor>(&column.value);
    if (column.name == "label" && !classes.empty() && tensor != nullptr && tensor->dim() == 1)
      text += " (" + training::label_text((*tensor)[sample].item<int64_t>(), classes) + ")";
    facts.emplace_back(column.name, text);
  }
  return facts;
}

ShownSample shown(const Batch& batch, int64_t sample, const training::Split& split) {
  ShownSample made;
  if (!batch.indices().empty()) made.index = batch.indices()[static_cast<size_t>(sample)];
  if (made.index >= 0 && split.describe) made.name = split.describe(made.index);
  made.facts = facts_of(batch.columns(), sample, split.classes);
  if (!training::has_pictures(batch.columns())) return made;
  made.seen.push_back(training::exhibit_of(batch.columns(), sample, split.classes));
  made.caption = made.seen.front().caption;
  made.seen_size = size_of(batch.columns());
  return made;
}

// The next batch that is not lost; nothing at the end, and where too many are.
std::optional<Batch> next_batch(DataLoader& loader, std::vector<std::string>& lost) {
  while (lost.size() < kMostLost) {
    try {
      return loader.next();
    } catch (const SampleError& error) {
      lost.emplace_back(error.what());
    } catch (const WorkerDied& error) {
      lost.emplace_back(error.what());
    }
  }
  return std::nullopt;
}

// Each index once, in ascending order.
std::vector<int64_t> indices_of(const std::vector<ShownSample>& samples) {
  std::vector<int64_t> indices;
  for (const ShownSample& sample : samples) indices.push_back(sample.index);
  std::ranges::sort(indices);
  const auto behind = std::ranges::unique(indices);
  indices.erase(behind.begin(), behind.end());
  return indices;
}

// What is done with sample number `row` of a batch that is one of those shown.
using Put = std::function<void(const Batch& batch, int64_t row, ShownSample& sample)>;

// Gives the rows of the loader's epoch to the samples that they are, which may have been drawn several times.
void put_epoch(DataLoader& loader, std::vector<ShownSample>& samples, const Put& put) {
  std::vector<std::string> lost;
  while (const auto batch = next_batch(loader, lost))
    for (int64_t row = 0; row < batch->size(); ++row)
      for (ShownSample& sample : samples)
        if (sample.index == batch->indices()[static_cast<size_t>(row)]) put(*batch, row, sample);
}

std::vector<std::string> settings_for(const std::vector<int64_t>& indices) {
  return {training::in_order_of(indices), "loader.batch_size=16"};
}

void add_raw(const RunData& source, Shown& shown) {
  const auto types = overview_types(source);
  const auto pipeline = overview_pipeline(source, kRawSide, settings_for(indices_of(shown.samples)));
  const training::Split split = training::open_split(pipeline, {c10::kCPU, source.seed, false, &types});
  put_epoch(*split.loader, shown.samples, [&](const Batch& batch, int64_t row, ShownSample& sample) {
    if (!is_overview(*batch.columns().begin())) return;  // A type of the program's own that has other pictures.
    const Measured measured = measured_of(batch.data(), row).front();
    sample.raw = {training::exhibit_of(picture_of(batch.columns(), row), 0, split.classes)};
    sample.raw_size = side_by_side(measured.height, measured.width);
  });
}

void add_draws(const RunData& source, int64_t draws, Shown& shown) {
  const auto pipeline = plain_pipeline(source, settings_for(indices_of(shown.samples)));
  const training::Split split = training::open_split(pipeline, {c10::kCPU, source.seed, false, source.types});
  for (int64_t epoch = 1; epoch < draws; ++epoch) {
    split.loader->set_epoch(epoch);
    put_epoch(*split.loader, shown.samples, [&](const Batch& batch, int64_t row, ShownSample& sample) {
      sample.seen.push_back(training::exhibit_of(batch.columns(), row, split.classes));
    });
  }
}

}  // namespace

Shown read_samples(const RunData& source, const ShownRequest& request) {
  const bool shuffles = source.part == Part::kTrain;  // As training does where the file says nothing.
  Shown all{{}, {}, training::open_split(source.pipeline, {c10::kCPU, source.seed, shuffles, source.types})};
  while (std::ssize(all.samples) < request.samples) {
    const auto batch = next_batch(*all.split.loader, all.lost);
    if (!batch) break;
    const int64_t rest = request.samples - std::ssize(all.samples);
    for (int64_t row = 0; row < std::min(rest, batch->size()); ++row)
      all.samples.push_back(shown(*batch, row, all.split));
  }
  const bool can_be_found = all.split.has_indices && !all.samples.empty() && !all.samples.front().seen.empty();
  if (!can_be_found) return all;
  if (has_transforms(source)) add_raw(source, all);
  if (request.draws > 1) add_draws(source, request.draws, all);
  return all;
}

}  // namespace millrace::showing
