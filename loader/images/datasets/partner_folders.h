#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace::detail {

/// Pictures in two folders that belong together, as paths from these: second[i] is the partner of first[i].
struct Partners {
  std::vector<std::string> first;
  std::vector<std::string> second;
};

/// The pictures below two folders, which belong together by their paths below these, without the files' endings:
/// a/one.jpg and b/one.png. Sorted by those of the first. `dataset` is what messages begin with. Throws
/// std::runtime_error for a picture that has no partner, and for two of one name.
Partners find_partners(std::string_view dataset, const std::string& first, const std::string& second);

}  // namespace millrace::detail
