#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <regex>
#include <string>

/// Files that end early or have other bytes, 200 of each format.
namespace millrace::test {

inline std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// So many bytes are changed at most.
inline constexpr size_t kMostChanges = 4;

/// The file with one to kMostChanges bytes changed, or cut short; each seed another.
inline std::string damaged(std::string bytes, unsigned seed) {
  std::mt19937 random(seed);
  const auto below = [&](size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random); };
  if (seed % 4 == 0) return bytes.substr(0, below(bytes.size()));
  // Formats keep much of what counts at their beginning and end.
  const size_t region = seed % 4 == 1 ? bytes.size() : std::min<size_t>(bytes.size(), 512);
  for (size_t changes = 1 + below(kMostChanges); changes > 0; --changes) {
    const size_t at = seed % 4 == 3 ? bytes.size() - 1 - below(region) : below(region);
    bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1 + below(255)));
  }
  return bytes;
}

/// What is known of the errors of 200 damaged files: so many were measured, and so many of them say the place, which
/// the expression finds in their text: "at byte [0-9]+". The others are about the file as a whole.
struct Damages {
  int errors;
  int placed;
  const char* place;
};

/// Reads 200 damaged states of the file at `path`, of which each is an error with the file's name in it, or reads as
/// `is_right(samples)` says. `read()` gives all samples as a text.
template <class Read, class IsRight>
void expect_errors_by_name(const std::string& path, const Damages& least, const Read& read, const IsRight& is_right) {
  const std::string whole = bytes_of(path);
  const std::string right = read();
  const std::regex place(least.place);
  int errors = 0, placed = 0;
  for (unsigned seed = 0; seed < 200; ++seed) {
    // Another file each time: a file in use is not written to.
    std::filesystem::remove(path);
    std::ofstream(path, std::ios::binary) << damaged(whole, seed);
    try {
      const std::string samples = read();
      EXPECT_TRUE(is_right(samples, right)) << "damage " << seed << " was read as\n" << samples.substr(0, 400);
    } catch (const std::exception& error) {
      const std::string text = error.what();
      ++errors;
      placed += std::regex_search(text, place) ? 1 : 0;
      EXPECT_NE(text.find(std::filesystem::path(path).filename()), text.npos) << "damage " << seed << ": " << text;
    }
  }
  EXPECT_GE(errors, least.errors) << "of 200 damaged files";
  EXPECT_GE(placed, least.placed) << "of these errors";
  std::filesystem::remove(path);
  std::ofstream(path, std::ios::binary) << whole;
}

/// For formats with checksums over all that is read.
template <class Read>
void expect_errors_or_the_right_samples(const std::string& path, const Damages& least, const Read& read) {
  expect_errors_by_name(path, least, read,
                        [](const std::string& samples, const std::string& right) { return samples == right; });
}

}  // namespace millrace::test
