#include "millrace/training/journal.h"

#include <cstddef>
#include <span>

#include "millrace/sharing/os/new_file.h"
#include "millrace/training/curves.h"

namespace millrace::training {
namespace {

constexpr const char* kCounter = "epoch";

std::string csv_path(records::RunDirectory& directory) {
  return directory.file("metrics.csv", "loss and measures, a row an epoch");
}

}  // namespace

Journal::Journal(records::RunDirectory& directory, records::MetricsCsv csv, records::EventFile events)
    : directory_(directory),
      log_(directory.file("log.txt", "what was printed, with the time")),
      csv_(std::move(csv)),
      events_(std::move(events)) {}

Journal Journal::begin(records::RunDirectory& directory, const std::vector<std::string>& columns) {
  return {directory, records::MetricsCsv::begin(csv_path(directory), kCounter, columns),
          records::EventFile::begin(directory.path())};
}

Journal Journal::resume(records::RunDirectory& directory, const std::vector<std::string>& columns, int64_t epochs,
                        int64_t steps) {
  return {directory, records::MetricsCsv::resume(csv_path(directory), kCounter, columns, epochs),
          records::EventFile::resume(directory.path(), steps + 1)};
}

void Journal::first_batch(const SheetFile& sheet) {
  NewFile file(directory_.file("first_batch.png", "what the model was given first"));
  file.write(std::as_bytes(std::span(sheet.png)));
  file.commit();
  constexpr int kColours = 3;
  events_.add_image(0, "first_batch", {sheet.height, sheet.width, kColours, sheet.png});
}

void Journal::epoch(int64_t epoch, int64_t step, const std::vector<records::Metric>& metrics) {
  csv_.append(epoch, metrics);
  events_.add_scalars(step, metrics);
  for (const auto& name : write_curves(csv_path(directory_), directory_.path()))
    directory_.file(name, "a curve over the epochs");
}

}  // namespace millrace::training
