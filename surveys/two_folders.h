#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/surveys/place.h"

namespace millrace::surveys {

/// What two folders that belong together are called, in any case.
using Names = std::pair<std::string_view, std::string_view>;

struct TwoFolders {
  std::string first, second;
};

struct TwoParts {
  TwoFolders train;
  std::optional<TwoFolders> test;
};

/// The first two folders of these names, with their test part where there is one, in any of the ways that parts are
/// laid out: train/A and train/B, trainA and trainB (or train_A), A/train and B/train; or without parts, A and B.
std::optional<TwoParts> find_two_folders(const Place& place, const std::vector<Names>& names);

}  // namespace millrace::surveys
