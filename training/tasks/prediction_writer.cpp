#include "millrace/training/tasks/prediction_writer.h"

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <span>

#include "millrace/plots/png.h"
#include "millrace/sharing/os/new_file.h"
#include "millrace/sharing/os/output_place.h"
#include "millrace/training/tasks/picture.h"

namespace millrace::training {
namespace {

std::string write_png(const std::string& folder, const std::string& name, const std::string& bytes) {
  const auto path = std::filesystem::path(folder) / (name + ".png");
  millrace::detail::make_folders(path.parent_path().string());
  NewFile file(path.string());
  file.write(std::as_bytes(std::span(bytes)));
  file.commit();
  return path.string();
}

}  // namespace

std::string cell_of(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

std::string write_picture(const std::string& folder, const std::string& name, const at::Tensor& planes) {
  return write_png(folder, name, plots::to_png(to_picture(planes)));
}

std::string write_numbers(const std::string& folder, const std::string& name, const at::Tensor& numbers,
                          int64_t largest) {
  constexpr int64_t kLargestOfEightBits = 255;
  if (largest <= kLargestOfEightBits) return write_picture(folder, name, numbers.unsqueeze(0));
  const auto wide = numbers.contiguous();
  const std::vector<uint16_t> pixels(wide.const_data_ptr<int64_t>(), wide.const_data_ptr<int64_t>() + wide.numel());
  return write_png(folder, name,
                   plots::to_deep_png(static_cast<int>(wide.size(0)), static_cast<int>(wide.size(1)), pixels));
}

}  // namespace millrace::training
