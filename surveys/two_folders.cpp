#include "millrace/surveys/two_folders.h"

namespace millrace::surveys {
namespace {

// Folders called a and b may well be classes, those called A and B hardly.
bool may_be_classes(const Names& names, const std::string& first, const std::string& second) {
  return names.first.size() == 1 && (first != names.first || second != names.second);
}

std::optional<TwoFolders> two_in(const Place& place, const Names& names, const std::string& before = "") {
  const auto first = place.folder(before + std::string(names.first));
  const auto second = place.folder(before + std::string(names.second));
  if (!first || !second || (before.empty() && may_be_classes(names, *first, *second))) return std::nullopt;
  return TwoFolders{place.below(*first), place.below(*second)};
}

// trainA and trainB, or train_A.
std::optional<TwoFolders> behind_a_word(const Place& place, const Names& names,
                                        const std::vector<std::string_view>& words) {
  for (const auto word : words)
    for (const char* between : {"", "_", "-"})
      if (auto found = two_in(place, names, std::string(word) + between)) return found;
  return std::nullopt;
}

// A/train and B/train of A and B, or A and B themselves.
TwoParts with_parts_inside(const TwoFolders& both) {
  const auto first = parts_of(list_place(both.first)), second = parts_of(list_place(both.second));
  if (!first || !second) return {both, std::nullopt};
  TwoParts parts{{first->train, second->train}, std::nullopt};
  if (first->test && second->test) parts.test = TwoFolders{*first->test, *second->test};
  return parts;
}

std::optional<TwoParts> named(const Place& place, const Names& names) {
  if (const auto parts = parts_of(place)) {
    if (const auto train = two_in(list_place(parts->train), names))
      return TwoParts{*train, parts->test ? two_in(list_place(*parts->test), names) : std::nullopt};
  }
  if (const auto train = behind_a_word(place, names, train_names()))
    return TwoParts{*train, behind_a_word(place, names, test_names())};
  if (const auto both = two_in(place, names)) return with_parts_inside(*both);
  return std::nullopt;
}

}  // namespace

std::optional<TwoParts> find_two_folders(const Place& place, const std::vector<Names>& names) {
  for (const Names& two : names)
    if (auto found = named(place, two)) return found;
  return std::nullopt;
}

}  // namespace millrace::surveys
