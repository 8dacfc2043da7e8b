#include "millrace/surveys/masks.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <numeric>
#include <set>
#include <stdexcept>

#include "millrace/loader/images/datasets/image_file.h"
#include "millrace/loader/images/decode.h"
#include "millrace/loader/images/header_reader.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/surveys/picture_headers.h"
#include "millrace/surveys/place.h"

namespace millrace::surveys {

namespace {

constexpr int64_t kNoClass = 255;

image::Numbers read_mask(const std::string& path) {
  try {
    return image::decode_numbers(detail::read_file(path, {}));
  } catch (const std::exception& error) {
    throw std::runtime_error("cannot read mask " + in_quotes(path) + ": " + error.what());
  }
}

// Masks that have another size than their pictures.
class Misfits {
 public:
  void add(const std::string& picture, const std::string& mask, image::Size size) {
    const auto other = headers_.try_read(picture);
    if (!other) return;  // Broken, which is told of pictures.
    ++looked_at_;
    if (*other == size) return;
    if (count_++ == 0)
      first_ = in_quotes(mask) + " with " + side_by_side(size) + " pixels beside " + side_by_side(*other);
  }

  void note(Survey& survey) const {
    if (count_ == 0) return;
    const std::string text = std::to_string(count_) + " of " + counted(looked_at_, "mask") +
                             " that were looked at have another size than their pictures, the first " + first_;
    if (count_ == looked_at_)
      throw std::runtime_error(text + ": save masks as large as the pictures, without smoothing");
    survey.seen.push_back(text + "; such samples cannot be read");
    survey.has_broken = true;
  }

 private:
  image::HeaderReader headers_;
  int64_t looked_at_ = 0;
  int64_t count_ = 0;
  std::string first_;
};

// ", in the numbers 0, 255".
std::string text_of_numbers(const std::set<int64_t>& numbers, const MaskNumbers& understood) {
  if (understood.values.empty()) return numbers.contains(kNoClass) ? ", and 255, which is none" : "";
  constexpr size_t kShown = 8;
  std::string text;
  for (size_t i = 0; i < std::min(kShown, understood.values.size()); ++i)
    text += (i > 0 ? ", " : "") + std::to_string(understood.values[i]);
  return ", in the numbers " + text + (understood.values.size() > kShown ? ", …" : "");
}

}  // namespace

MaskNumbers understand_numbers(const std::vector<int64_t>& numbers) {
  std::vector<int64_t> others;
  std::ranges::remove_copy(numbers, std::back_inserter(others), kNoClass);
  const int64_t count = std::ssize(others);
  // Some of the classes may be in none of the masks that were read.
  const bool are_dense = count >= 2 && others.front() <= 1 && others.back() < 2 * count;
  if (are_dense && others.front() == 0) return {others.back() + 1, {}};
  if (!are_dense) return {std::ssize(numbers), numbers};
  std::vector<int64_t> all(static_cast<size_t>(others.back()));
  std::iota(all.begin(), all.end(), 1);
  return {std::ssize(all), all};
}

MaskNumbers note_masks(const std::vector<std::string>& pictures, const std::vector<std::string>& masks,
                       Survey& survey) {
  constexpr size_t kMost = 500;
  std::set<int64_t> numbers;
  Misfits misfits;
  for (size_t i = 0; i < masks.size(); i += 1 + masks.size() / kMost) {
    const image::Numbers mask = read_mask(masks[i]);
    numbers.insert(mask.values.begin(), mask.values.end());
    misfits.add(pictures[i], masks[i], mask.size);
  }
  if (numbers.size() < 2)
    throw std::runtime_error("the masks hold the number " + std::to_string(*numbers.begin()) + " alone, as " +
                             in_quotes(masks.front()) + ": to learn classes takes two of them");
  misfits.note(survey);
  const MaskNumbers understood = understand_numbers({numbers.begin(), numbers.end()});
  survey.task = Task::kSegmentation;
  survey.classes = understood.classes;
  survey.seen.push_back("masks of " + counted(understood.classes, "class") + text_of_numbers(numbers, understood));
  return understood;
}

std::optional<Line> line_of(const MaskNumbers& numbers) {
  if (numbers.values.empty()) return std::nullopt;
  std::string list;
  for (const int64_t value : numbers.values) list += (list.empty() ? "" : ", ") + std::to_string(value);
  const bool has_255 = std::ranges::find(numbers.values, kNoClass) != numbers.values.end();
  return Line{"mask_values: [" + list + "]", has_255 ? "Of classes 0, 1, … in the masks; leave 255 out if it is none."
                                                     : "Of classes 0, 1, … in the masks."};
}

}  // namespace millrace::surveys
