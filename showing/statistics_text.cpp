#include "millrace/showing/statistics_text.h"

#include <array>
#include <cstddef>
#include <cstdio>

#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/training/not_finite.h"
#include "millrace/training/tasks/exhibit.h"

namespace millrace::showing {
namespace {

std::string side_by_side(const PictureSize& size) {
  return std::to_string(size.width) + " x " + std::to_string(size.height);
}

std::string samples_of(int64_t count) { return counted(count, "sample"); }

// "mean 124.1 116.3 103.5, deviation 58.4 57.1 57.4", by channel.
std::string values_in_words(const std::vector<ChannelValues>& channels) {
  std::string means, deviations;
  for (const ChannelValues& channel : channels) {
    means += " " + short_number(channel.mean);
    deviations += " " + short_number(channel.deviation);
  }
  return "values of 0 to 255: mean" + means + ", deviation" + deviations;
}

// ", -1 to 3.5, mean 0.25; 2 samples have NaN or infinite numbers, the first is #7".
std::string values_in_words(const NumberStatistics& numbers) {
  const std::string not_finite = not_finite_in_words(numbers);
  if (numbers.finite == 0) return ", no finite number; " + not_finite;
  return ", " + short_number(numbers.least) + " to " + short_number(numbers.most) + ", mean " +
         short_number(numbers.mean) + (not_finite.empty() ? "" : "; " + not_finite);
}

std::string classes_in_words(const Statistics& statistics) {
  constexpr size_t kMostNamed = 12;
  std::string text = counted(statistics.classes.size(), "class") + ":";
  size_t named = 0;
  for (const auto& [label, count] : statistics.classes) {
    if (named == kMostNamed) return text + ", ...";
    text += (named++ == 0 ? " " : ", ") + class_name(statistics, label) + " " + std::to_string(count);
  }
  return text;
}

}  // namespace

std::string short_number(double value) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.4g", value);
  return text.data();
}

std::string class_name(const Statistics& statistics, int64_t label) {
  return training::label_text(label, statistics.class_names);
}

std::string name_of(int64_t index, const std::string& name) {
  if (index < 0) return "";
  return "#" + std::to_string(index) + (name.empty() ? "" : " " + printable(name));
}

std::string not_finite_in_words(const NumberStatistics& numbers) {
  return training::NotFinite{numbers.not_finite_samples, numbers.first_not_finite}.text();
}

std::string first_line_of(const Statistics& statistics) {
  std::string text = samples_of(statistics.read) + " read";
  if (statistics.samples && *statistics.samples != statistics.read + statistics.broken_count)
    text += " of " + std::to_string(*statistics.samples);
  if (statistics.asked < statistics.samples.value_or(0)) text += ", evenly spread";
  if (statistics.broken_count > 0) text += ", " + std::to_string(statistics.broken_count) + " cannot be read";
  return statistics.is_stopped ? text + ", stopped before the end" : text;
}

std::string sizes_in_words(const std::map<PictureSize, int64_t>& sizes) {
  const SizeRange range = range_of(sizes);
  if (sizes.size() == 1) return "all " + side_by_side(range.middle);
  return "the smallest " + side_by_side(range.least) + ", " + side_by_side(range.middle) +
         " in the middle, the largest " + side_by_side(range.most);
}

std::vector<std::string> lines_of(const Statistics& statistics) {
  constexpr size_t kMostTold = 10;
  std::vector<std::string> lines{first_line_of(statistics)};
  if (!statistics.classes.empty()) lines.push_back(classes_in_words(statistics));
  for (const PictureStatistics& pictures : statistics.pictures) {
    lines.push_back(pictures.column + ": " + sizes_in_words(pictures.sizes));
    lines.push_back(pictures.column + ": " + values_in_words(pictures.channels));
  }
  for (const NumberStatistics& numbers : statistics.numbers)
    lines.push_back(numbers.column + ": " + numbers.looks + values_in_words(numbers));
  for (size_t i = 0; i < statistics.broken.size(); ++i) {
    if (i == kMostTold) {
      lines.push_back("and " + std::to_string(statistics.broken_count - static_cast<int64_t>(i)) + " more");
      break;
    }
    const Broken& broken = statistics.broken[i];
    const std::string name = name_of(broken.index, broken.name);
    lines.push_back("cannot be read: " + (name.empty() ? "" : name + ": ") + printable(broken.error, 400));
  }
  return lines;
}

}  // namespace millrace::showing
