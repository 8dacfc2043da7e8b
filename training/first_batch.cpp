#include "millrace/training/first_batch.h"

#include <algorithm>

#include "millrace/plots/contact_sheet.h"
#include "millrace/plots/png.h"
#include "millrace/training/tasks/exhibit.h"

namespace millrace::training {
namespace {

constexpr int64_t kMostPictures = 16;

}  // namespace

std::optional<SheetFile> first_batch_sheet(const Batch& batch, const std::vector<std::string>& classes) {
  if (batch.size() == 0 || !has_pictures(batch.columns())) return std::nullopt;
  std::vector<plots::Exhibit> exhibits;
  for (int64_t i = 0; i < std::min(batch.size(), kMostPictures); ++i)
    exhibits.push_back(exhibit_of(batch.columns(), i, classes));
  const plots::Picture sheet = plots::contact_sheet(exhibits);
  return SheetFile{sheet.height, sheet.width, plots::to_png(sheet)};
}

}  // namespace millrace::training
