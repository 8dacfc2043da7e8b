#include "millrace/packing/sample_list.h"

namespace millrace::packing {

void SampleList::add(const SourceSample& sample) {
  for (const SourceFile& file : sample.files) {
    if (file.path.empty()) {
      files_.push_back({word(file.extension), kText, word(file.text), file.text.size()});
      continue;
    }
    if (paths_.empty() || paths_.back() != file.path) {  // A shard is named by all its files, one behind the other.
      paths_.push_back(file.path);
      stamps_.push_back(file.stamp);
    }
    files_.push_back({word(file.extension), paths_.size() - 1, file.offset, file.size});
  }
  keys_.push_back(sample.key);
  file_ends_.push_back(files_.size());
}

SourceSample SampleList::operator[](size_t i) const {
  SourceSample sample{keys_[i], {}};
  for (size_t f = i == 0 ? 0 : file_ends_[i - 1]; f < file_ends_[i]; ++f) {
    const File& file = files_[f];
    if (file.path == kText)
      sample.files.push_back({*words_[file.extension], {}, *words_[file.offset], {}, 0, file.size});
    else
      sample.files.push_back(
          {*words_[file.extension], paths_[file.path], {}, stamps_[file.path], file.offset, file.size});
  }
  return sample;
}

uint64_t SampleList::word(const std::string& text) {
  const auto [found, is_new] = numbers_.emplace(text, words_.size());
  if (is_new) words_.push_back(&found->first);
  return found->second;
}

}  // namespace millrace::packing
