#include "millrace/training/tasks/prediction_writer.h"

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <span>

#include "millrace/plots/png.h"
#include "millrace/sharing/os/new_file.h"
#include "millrace/training/tasks/picture.h"

namespace millrace::training {

std::string cell_of(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

std::string write_picture(const std::string& folder, const std::string& name, const at::Tensor& planes) {
  const auto path = std::filesystem::path(folder) / (name + ".png");
  std::filesystem::create_directories(path.parent_path());
  const std::string bytes = plots::to_png(to_picture(planes));
  NewFile file(path.string());
  file.write(std::as_bytes(std::span(bytes)));
  file.commit();
  return path.string();
}

}  // namespace millrace::training
