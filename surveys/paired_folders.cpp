#include "millrace/surveys/paired_folders.h"

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millrace/loader/images/datasets/image_pairs.h"
#include "millrace/loader/images/datasets/manifest.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/surveys/masks.h"
#include "millrace/surveys/picture_headers.h"
#include "millrace/surveys/two_folders.h"

namespace millrace::surveys {
namespace {

const std::vector<Names>& names_of_pairs() {
  static const std::vector<Names> names{
      {"input", "target"}, {"inputs", "targets"}, {"data", "target"}, {"source", "target"}, {"A", "B"},
      {"x", "y"},          {"low", "high"},       {"lr", "hr"},       {"noisy", "clean"},   {"photo", "drawn"}};
  return names;
}

std::vector<Names> names_of_masks() {
  std::vector<Names> names;
  for (const char* pictures : {"images", "image", "imgs", "img", "photos", "pictures", "JPEGImages"})
    for (const char* masks : {"masks", "mask", "labels", "annotations", "segmentation", "trimaps", "SegmentationClass"})
      names.emplace_back(pictures, masks);
  return names;
}

Line key_of(const std::string& key, const std::string& path, const std::string& about) {
  return {key + ": " + yaml_text(path), about};
}

// The pairs of one part, with their keys.
std::vector<Line> add_pairs(const TwoFolders& part, std::vector<std::string>& files, Survey& survey) {
  const auto pairs = ImagePairs::in_folders(part.first, part.second);
  for (size_t i = 0; i < pairs.size(); ++i) files.push_back(pairs.data_path(i));
  survey.seen.push_back(counted(pairs.size(), "pair") + " of pictures in " + in_quotes(part.first) + " and " +
                        in_quotes(part.second));
  return {{"type: image_pairs", "Pictures of the same names in two folders, changed alike."},
          key_of("data", part.first, "What goes in."),
          key_of("target", part.second, "What is to come out.")};
}

// Boxes come in folders of the same names, in files that are no pictures.
void require_masks(const std::string& folder) {
  const Place place = list_place(folder);
  const auto texts = place.files_ending({".txt", ".xml", ".json"});
  if (texts.empty() || texts.size() < place.files.size()) return;
  throw std::runtime_error(in_quotes(folder) + " has " + counted(texts.size(), "file") + " of text, the first " +
                           in_quotes(texts.front()) +
                           ", and no masks: boxes, perhaps, for which `train` has no model; a program of your own "
                           "reads them from a list, by ImageManifest");
}

struct Masked {
  std::vector<std::string> pictures, masks;
};

void add_masked(const TwoFolders& part, Masked& files, Survey& survey) {
  require_masks(part.second);
  const auto masked = ImageManifest::with_masks(part.first, part.second);
  for (size_t i = 0; i < masked.size(); ++i) {
    files.pictures.push_back(masked.describe(i));
    files.masks.push_back(masked.mask_path(i));
  }
  survey.seen.push_back(counted(masked.size(), "picture") + " in " + in_quotes(part.first) + " with masks in " +
                        in_quotes(part.second));
}

std::vector<Line> mask_keys(const TwoFolders& part, const MaskNumbers& numbers) {
  std::vector<Line> keys{{"type: image_masks", "Pictures and masks of the same names in two folders."},
                         key_of("images", part.first, "From the directory that the program is started in."),
                         key_of("masks", part.second, "A class for each pixel.")};
  if (const auto line = line_of(numbers)) keys.push_back(*line);
  return keys;
}

Survey survey_masks(const TwoParts& found, const Looked& looked) {
  Survey survey;
  Masked files;
  add_masked(found.train, files, survey);
  survey.samples = std::ssize(files.pictures);
  if (found.test) add_masked(*found.test, files, survey);
  const MaskNumbers numbers = note_masks(files.pictures, files.masks, survey);
  survey.dataset = mask_keys(found.train, numbers);
  if (found.test) survey.test = mask_keys(*found.test, numbers);
  note_headers(look_at_headers(files.pictures, looked), survey);
  return survey;
}

Survey survey_pairs(const TwoParts& found, const Looked& looked) {
  Survey survey;
  survey.task = Task::kImageToImage;
  std::vector<std::string> files;
  survey.dataset = add_pairs(found.train, files, survey);
  survey.samples = std::ssize(files);
  if (found.test) survey.test = add_pairs(*found.test, files, survey);
  note_headers(look_at_headers(files, looked), survey);
  return survey;
}

}  // namespace

std::optional<Survey> survey_paired_folders(const Place& place, const Looked& looked) {
  if (const auto found = find_two_folders(place, names_of_masks())) return survey_masks(*found, looked);
  if (const auto found = find_two_folders(place, names_of_pairs())) return survey_pairs(*found, looked);
  return std::nullopt;
}

}  // namespace millrace::surveys
