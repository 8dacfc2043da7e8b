#pragma once

#include <concepts>
#include <string>

namespace millrace {

/// The word for several of what one word counts: "pictures", "classes", "boxes", "batches", "epochs", "entries".
std::string plural_of(std::string one);

/// "3 pictures", "1 picture": a number with the word for what it counts.
template <std::integral Number>
std::string counted(Number count, const std::string& one) {
  return std::to_string(count) + " " + (count == 1 ? one : plural_of(one));
}

}  // namespace millrace
