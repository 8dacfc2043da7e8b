#pragma once

#include <stdlib.h>
#include <sys/wait.h>

#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/loader/datasets/tar_shards.h"
#include "millrace/sharing/codec/fnv.h"
#include "millrace/tests/samplers/pytorch_reference.h"
#include "millrace/tests/support/paths.h"

// Python's webdataset, where there is one, as the reference for tar shards.
namespace millrace::test {

/// The lines that webdataset_reference.py prints; nothing when no Python can import webdataset.
inline std::optional<std::vector<std::string>> ask_webdataset(const std::string& arguments) {
  const auto [status, text] =
      detail::output_of("PYTHONIOENCODING=utf-8 '" + python() + "' '" +
                        test::source("tests/loader/datasets/webdataset_reference.py") + "' " + arguments);
  constexpr int kNoWebdataset = 3, kNoPython = 127;
  if (WIFEXITED(status) && (WEXITSTATUS(status) == kNoWebdataset || WEXITSTATUS(status) == kNoPython))
    return std::nullopt;
  if (status != 0) throw std::runtime_error("webdataset_reference.py failed, see its message above");
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// What we read, in the lines of webdataset_reference.py.
inline std::vector<std::string> lines_of(TarShards shards) {
  std::vector<std::string> lines;
  for (size_t i = 0; i < shards.size(); ++i) {
    std::ostringstream line;
    line << shards.key(i);
    for (const auto extension : shards.extensions(i)) {
      const auto bytes = shards.bytes(i, extension);
      line << '\t' << extension << '=' << bytes.size() << ':';
      line.width(16);
      line.fill('0');
      line << std::hex << fnv1a(bytes) << std::dec;
    }
    lines.push_back(line.str());
  }
  return lines;
}

}  // namespace millrace::test
