#pragma once

#include <string>

/// Where a test finds what it does not make itself. The two folders are compiled into one small file, so that clones of
/// the source tree compile the same tests.
namespace millrace::test {

/// A file or folder of the source tree, such as "configs/digits.yaml".
std::string source(const std::string& path);

/// A file of tests/data, such as "photos/cat".
std::string data(const std::string& path);

/// What the build made, by its path below the build folder, such as "apps/millrace".
std::string built(const std::string& path);

}  // namespace millrace::test
