#pragma once

#include <concepts>
#include <string>

namespace millrace {

/// "3 pictures", "1 picture", "2 classes", "2 boxes", "2 batches", "2 entries": a number with the word for what it counts.
template <std::integral Number>
std::string counted(Number count, const std::string& one) {
  std::string text = std::to_string(count) + " " + one;
  if (count == 1) return text;
  if (one.ends_with("ss") || one.ends_with("x") || one.ends_with("ch")) return text + "es";
  if (one.ends_with("ry")) return text.replace(text.size() - 1, 1, "ies");
  return text + "s";
}

}  // namespace millrace
