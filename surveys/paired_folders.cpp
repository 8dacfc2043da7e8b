#include "millrace/surveys/paired_folders.h"

#include <array>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/loader/images/datasets/image_pairs.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/surveys/picture_headers.h"

namespace millrace::surveys {
namespace {

using Names = std::pair<std::string_view, std::string_view>;

constexpr std::array<Names, 11> kPairs{{{"input", "target"},
                                        {"inputs", "targets"},
                                        {"data", "target"},
                                        {"source", "target"},
                                        {"A", "B"},
                                        {"x", "y"},
                                        {"low", "high"},
                                        {"lr", "hr"},
                                        {"LR", "HR"},
                                        {"noisy", "clean"},
                                        {"photo", "drawn"}}};
constexpr std::array<std::string_view, 5> kPhotos{"images", "image", "imgs", "photos", "pictures"};
constexpr std::array<std::string_view, 6> kMasks{"masks", "mask", "labels", "annotations", "segmentation", "trimaps"};

std::optional<Names> pair_in(const Place& place) {
  for (const Names& names : kPairs)
    if (place.has_folder(names.first) && place.has_folder(names.second)) return names;
  return std::nullopt;
}

void refuse_masks(const Place& place) {
  for (const auto photos : kPhotos)
    for (const auto masks : kMasks)
      if (place.has_folder(photos) && place.has_folder(masks))
        throw std::runtime_error(in_quotes(place.path) + " has pictures in " + std::string(photos) +
                                 " and what looks like their masks in " + std::string(masks) +
                                 ": masks are read from a list. Write " + place.path +
                                 "/train.txt with two paths a line, " + std::string(photos) + "/1.jpg " +
                                 std::string(masks) + "/1.png, and run this again");
}

Line key_of(const std::string& key, const std::string& path, const std::string& about) {
  return {key + ": " + yaml_text(path), about};
}

// The pairs of one part, with their keys.
std::vector<Line> add_part(const Place& part, const Names& names, std::vector<std::string>& files, Survey& survey) {
  const std::string data = part.below(std::string(names.first)), target = part.below(std::string(names.second));
  const auto pairs = ImagePairs::in_folders(data, target);
  for (size_t i = 0; i < pairs.size(); ++i) files.push_back(pairs.data_path(i));
  survey.seen.push_back(in_quotes(part.path) + ": " + counted(static_cast<int64_t>(pairs.size()), "pair") +
                        " of pictures, " + std::string(names.first) + " and " + std::string(names.second));
  return {{"type: image_pairs", "Pictures of the same names in two folders, changed alike."},
          key_of("data", data, "What goes in."),
          key_of("target", target, "What is to come out.")};
}

}  // namespace

std::optional<Survey> survey_paired_folders(const Place& place, const Looked& looked) {
  const auto parts = parts_of(place);
  const Place train = parts ? list_place(parts->train) : place;
  refuse_masks(train);
  const auto names = pair_in(train);
  if (!names) return std::nullopt;
  Survey survey;
  survey.task = Task::kImageToImage;
  std::vector<std::string> files;
  survey.dataset = add_part(train, *names, files, survey);
  survey.samples = static_cast<int64_t>(files.size());
  if (parts && parts->test) survey.test = add_part(list_place(*parts->test), *names, files, survey);
  note_headers(look_at_headers(files, looked), survey);
  return survey;
}

}  // namespace millrace::surveys
