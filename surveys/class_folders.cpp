#include "millrace/surveys/class_folders.h"

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "millrace/loader/images/datasets/image_folder.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/surveys/picture_headers.h"

namespace millrace::surveys {
namespace {

// Classes are numbered by their names: one that only one part has would shift the numbers of the others.
void require_same_classes(const ImageFolder& train, const Parts& parts, const ImageFolder& test) {
  const auto one_more = [](const ImageFolder& more, const ImageFolder& other, const std::string& where,
                           const std::string& missing) {
    for (const auto& name : more.classes())
      if (std::find(other.classes().begin(), other.classes().end(), name) == other.classes().end())
        throw std::runtime_error(in_quotes(where) + " has the class " + in_quotes(name) + ", which " +
                                 in_quotes(missing) + " has not: remove it from one or add it to the other");
  };
  one_more(train, test, parts.train, *parts.test);
  one_more(test, train, *parts.test, parts.train);
}

// The sizes of the classes where they differ much: a model learns to guess the large ones.
std::string text_of_classes(const ImageFolder& folder) {
  std::vector<int64_t> sizes(folder.classes().size());
  for (size_t i = 0; i < folder.size(); ++i) ++sizes[static_cast<size_t>(folder.label(i))];
  const auto [least, most] = std::minmax_element(sizes.begin(), sizes.end());
  const auto name = [&](auto at) { return in_quotes(folder.classes()[static_cast<size_t>(at - sizes.begin())]); };
  std::string text = counted(folder.size(), "picture") + " in " + counted(sizes.size(), "class");
  if (*least != *most)
    text += ", from " + std::to_string(*least) + " of " + name(least) + " to " + std::to_string(*most) + " of " +
            name(most);
  return text;
}

std::vector<std::string> files_of(const ImageFolder& folder) {
  std::vector<std::string> files;
  for (size_t i = 0; i < folder.size(); ++i) files.push_back(folder.describe(i));
  return files;
}

std::vector<Line> class_folder_keys(const std::string& root) {
  return {{"type: image_folder", "One folder a class, pictures in it."},
          {"root: " + yaml_text(root), "From the directory that the program is started in."}};
}

}  // namespace

Survey survey_class_folders(const Parts& parts, const Looked& looked) {
  Survey survey;
  const ImageFolder train(parts.train);
  survey.samples = static_cast<int64_t>(train.size());
  survey.seen.push_back(in_quotes(parts.train) + ": " + text_of_classes(train));
  survey.dataset = class_folder_keys(parts.train);
  survey.dataset.push_back(
      {"# classes: [" + yaml_text(train.classes().front()) + ", …]", "Only some, in an order of your own."});
  std::vector<std::string> files = files_of(train);
  if (parts.test) {
    const ImageFolder test(*parts.test);
    require_same_classes(train, parts, test);
    survey.seen.push_back(in_quotes(*parts.test) + ": " + text_of_classes(test));
    survey.test = class_folder_keys(*parts.test);
    const auto more = files_of(test);
    files.insert(files.end(), more.begin(), more.end());
  }
  note_headers(look_at_headers(files, looked), survey);
  if (train.classes().size() < 2)
    throw std::runtime_error(survey.seen.front() +
                             ": to learn classes takes two of them, a folder each; if those are below " +
                             in_quotes(parts.train + "/" + train.classes().front()) + ", give that");
  return survey;
}

}  // namespace millrace::surveys
