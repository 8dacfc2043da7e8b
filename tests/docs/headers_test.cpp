// What docs/headers.md says of headers: how many files each brings, counted by the compiler's list of dependencies.
#include <gtest/gtest.h>

#include <iterator>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "millrace/tests/docs/compiler.h"
#include "millrace/tests/support/paths.h"

namespace millrace::headers_test {
namespace {

struct Cost {
  int ours = 0;
  int torchs = 0;  // ATen's and c10's.
};

/// The files that a file with these lines needs, as the compiler says. A failure for lines that it does not understand.
std::string dependencies_of(const std::string& lines) {
  const std::string text = test::compiler_on(lines, "-M");
  EXPECT_EQ(text.find("error:"), std::string::npos) << text.substr(0, 2000);
  return text;
}

int count(const std::string& text, const char* pattern) {
  const std::regex wanted(pattern);
  return static_cast<int>(std::distance(std::sregex_iterator(text.begin(), text.end(), wanted), {}));
}

Cost cost_of(const std::string& header) {
  const std::string needed = dependencies_of("#include <" + header + ">\n");
  return {
      count(needed, R"(/millrace/(configs|formats|loader|packing|plots|records|samplers|sharing|surveys|training)/)") +
          count(needed, R"(/millrace/(millrace|version)\.h)"),
      count(needed, R"(/include/(ATen|c10|torch)/)")};
}

TEST(Headers, BringAsManyFilesAsThePageSays) {
  const std::string page = test::text_of(test::source("docs/headers.md"));
  const std::regex row(R"(\n\| `([\w/.]+)` \| (\d+) \| (\d+) \|)");
  int rows = 0;
  for (std::sregex_iterator at(page.begin(), page.end(), row), end; at != end; ++at, ++rows) {
    const std::string header = (*at)[1];
    const Cost cost = cost_of(header);
    EXPECT_EQ(std::to_string(cost.ours), (*at)[2].str()) << header << ": files of Millrace";
    EXPECT_EQ(std::to_string(cost.torchs), (*at)[3].str()) << header << ": files of LibTorch";
  }
  EXPECT_GE(rows, 10);
}

TEST(Headers, BatchBringsNoTransformAndNoEngine) {
  const std::string needed = dependencies_of("#include <millrace/loader/batch.h>\n");
  EXPECT_EQ(count(needed, R"(/loader/(images|engine|sources|datasets)/)"), 0) << needed;
}

TEST(Headers, DataLoaderBringsNoBoardNoSocketAndNoDriver) {
  const std::string needed = dependencies_of("#include <millrace/loader/data_loader.h>\n");
  EXPECT_EQ(count(needed, R"(/loader/(images|engine)/|fd_socket\.h|driver_api\.h|/board\.h)"), 0) << needed;
}

TEST(Headers, PathsBeforeTheMoveStillWork) {
  std::istringstream table(test::text_of(test::source("cmake/moved_headers.txt")));
  std::string lines;
  for (std::string line; std::getline(table, line);)
    if (!line.starts_with("#")) lines += "#include <millrace/" + line.substr(0, line.find(' ')) + ">\n";
  const std::string needed = dependencies_of(lines);
  EXPECT_GT(count(needed, "/moved/millrace/"), 20);
}

}  // namespace
}  // namespace millrace::headers_test
