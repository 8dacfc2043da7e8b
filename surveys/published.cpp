#include "millrace/surveys/published.h"

#include <filesystem>
#include <string>

#include "millrace/loader/images/datasets/cifar.h"
#include "millrace/loader/images/datasets/mnist.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"

namespace millrace::surveys {
namespace {

namespace fs = std::filesystem;

bool has_any(const Place& place, const std::vector<std::string>& paths) {
  std::error_code ignored;  // What cannot be looked at is not there.
  for (const auto& path : paths)
    if (fs::exists(fs::path(detail::user_path(place.path)) / path, ignored)) return true;
  return false;
}

bool has_idx_files(const Place& place) {
  std::vector<std::string> paths;
  for (const char* folder : {"", "raw/", "MNIST/raw/"})
    for (const char* name : {"train-images-idx3-ubyte", "train-images.idx3-ubyte", "train-images-idx3-ubyte.gz"})
      paths.push_back(std::string(folder) + name);
  return has_any(place, paths);
}

template <class Dataset>
Survey survey_parts(const Place& place, const std::string& type, const std::string& title) {
  Survey survey;
  const PixelDataset train = Dataset(place.path, PixelDataset::Mode::kTrain);
  const PixelDataset test = Dataset(place.path, PixelDataset::Mode::kTest);
  survey.samples = static_cast<int64_t>(train.size());
  survey.seen.push_back(in_quotes(place.path) + ": " + title + ", " + counted(train.size(), "picture") +
                        " to train with and " + std::to_string(test.size()) + " to test with, in " +
                        counted(train.classes().size(), "class"));
  const auto shape = train.spec().fields.front().shape;
  survey.pictures.short_side = std::min(shape[1], shape[2]);
  survey.pictures.one_size = true;
  const auto keys = [&](const char* split) {
    return std::vector<Line>{{"type: " + type, title + ", from unpacked files."},
                             {"root: " + yaml_text(place.path), "From the directory that the program is started in."},
                             {std::string("split: ") + split, "One of the two parts that it is published in."}};
  };
  survey.dataset = keys("train");
  survey.test = keys("test");
  return survey;
}

}  // namespace

std::optional<Survey> survey_published(const Place& place) {
  if (has_idx_files(place)) {
    Survey survey = survey_parts<MNIST>(place, "mnist", "MNIST or the like");
    survey.pictures.mean = "[0.1307]";
    survey.pictures.std = "[0.3081]";
    survey.pictures.upright = true;
    return survey;
  }
  const bool is_hundred = has_any(place, {"fine_label_names.txt", "cifar-100-binary/fine_label_names.txt"});
  if (!is_hundred && !has_any(place, {"batches.meta.txt", "cifar-10-batches-bin/batches.meta.txt"}))
    return std::nullopt;
  Survey survey = is_hundred ? survey_parts<CIFAR100>(place, "cifar100", "CIFAR-100")
                             : survey_parts<CIFAR10>(place, "cifar10", "CIFAR-10");
  survey.pictures.mean = "[0.491, 0.482, 0.447]";
  survey.pictures.std = "[0.247, 0.244, 0.262]";
  return survey;
}

}  // namespace millrace::surveys
