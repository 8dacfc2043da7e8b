// That each header of the public face can be included alone.
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <regex>
#include <string>
#include <thread>
#include <vector>

#include "millrace/tests/docs/compiler.h"
#include "millrace/tests/support/paths.h"

namespace millrace::public_headers_test {
namespace {

/// The headers that users may include (docs/design.md, "The tree") and that no source of theirs includes first, which
/// is what proves it of the others (Layering.EverySourceIncludesItsOwnHeaderFirst).
std::vector<std::string> public_headers_without_a_source() {
  const std::regex user_facing(
      R"((samplers|formats|sharing/(sync|channel|process|pool)|loader|loader/(datasets|images/(transforms|datasets)))/\w+\.h)"
      R"(|loader/device/empty_in_batch\.h|loader/collation/example_codec\.h|training/(models|weights)/\w+\.h)");
  const std::filesystem::path root = test::source("");
  std::vector<std::string> found = {"millrace.h", "version.h"};
  for (const char* const folder : {"samplers", "sharing", "loader", "formats", "configs", "training"})
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
      const std::string header = entry.path().lexically_relative(root);
      const bool has_source = std::filesystem::exists(std::filesystem::path(entry.path()).replace_extension(".cpp"));
      if (std::regex_match(header, user_facing) && !has_source) found.push_back(header);
    }
  return found;
}

TEST(PublicHeaders, WithoutASourceCompileAlone) {
  const std::vector<std::string> headers = public_headers_without_a_source();
  EXPECT_GT(headers.size(), 30u);
  std::vector<std::string> errors(headers.size());
  std::atomic<size_t> next = 0;
  const auto compile = [&] {
    for (size_t i = next++; i < headers.size(); i = next++)
      errors[i] = test::compiler_on("#include <millrace/" + headers[i] + ">\n", "-fsyntax-only");
  };
  std::thread beside(compile);
  compile();
  beside.join();
  for (size_t i = 0; i < headers.size(); ++i) EXPECT_EQ(errors[i], "") << headers[i];
}

}  // namespace
}  // namespace millrace::public_headers_test
