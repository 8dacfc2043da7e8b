#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <exception>
#include <functional>
#include <new>
#include <random>
#include <stdexcept>
#include <string>

#include "millrace/sharing/os/printable.h"

namespace millrace::test {

/// Whether a parser of files may meet these bytes: it gives a value or throws a std::exception whose text may be
/// printed, and asks for no memory that there is not.
inline void expect_harmless(const std::function<void(const std::string&)>& parse, const std::string& bytes) {
  try {
    parse(bytes);
  } catch (const std::bad_alloc&) {
    ADD_FAILURE() << "asked for more memory than there is";
  } catch (const std::length_error& e) {
    ADD_FAILURE() << "asked for memory without a limit: " << e.what();
  } catch (const std::exception& e) {
    EXPECT_EQ(std::string(e.what()), printable_lines(e.what()));
    EXPECT_EQ(std::string(e.what()).find("c10"), std::string::npos) << e.what();
  }
}

/// A right file with some bytes changed, or bytes taken out, or its end cut off. The same seed makes the same.
inline std::string changed(std::string bytes, unsigned seed) {
  std::mt19937 random(seed);
  const auto below = [&](size_t end) { return random() % end; };
  for (size_t changes = 1 + below(4); changes > 0 && !bytes.empty(); --changes) {
    const size_t at = below(bytes.size());
    switch (below(5)) {
      case 0:
        bytes.resize(at);
        break;
      case 1:
        bytes.erase(at, 1 + below(8));
        break;
      case 2:
        bytes.insert(at, bytes.substr(below(bytes.size()), 1 + below(16)));
        break;
      default:
        bytes[at] = static_cast<char>(random());
    }
  }
  return bytes;
}

}  // namespace millrace::test
