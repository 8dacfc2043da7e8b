// What the pages say of hardware is what hardware said: docs/gpu_results.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>

#include "millrace/sharing/cuda/dead_work.h"
#include "millrace/tests/support/paths.h"

namespace millrace::gpu_results_test {
namespace {

using std::chrono::duration;

std::string page(const std::string& path) {
  std::ifstream file(test::source(path));
  return {std::istreambuf_iterator<char>(file), {}};
}

// The section below a heading, up to the next.
std::string section(const std::string& path, const std::string& heading) {
  const std::string text = page(path);
  const size_t begin = text.find(heading + "\n");
  if (begin == text.npos) return {};
  return text.substr(begin + heading.size(), text.find("\n## ", begin + heading.size()) - begin - heading.size());
}

// The longest time that the page's rows give from SIGKILL to a process's end or to its memory being free.
double longest_teardown_ms() {
  const std::string results = page("docs/gpu_results.md");
  const std::regex row(R"(\n\| 3 [^|]*\| ([0-9.]+) ms \|)");
  double longest = 0;
  for (std::sregex_iterator found(results.begin(), results.end(), row), end; found != end; ++found)
    longest = std::max(longest, std::stod((*found)[1]));
  return longest;
}

TEST(GpuResults, GraceAfterADeathIsThirtyTimesTheTeardownThatWasSeen) {
  const double seen_ms = longest_teardown_ms();
  ASSERT_GT(seen_ms, 0) << "docs/gpu_results.md has no answer to question 3";
  EXPECT_GE(duration<double>(cuda::kDeadWorkGrace).count() * 1000, 30 * seen_ms);
}

TEST(GpuResults, NoPageSaysThatHardwareIsStillToBeAsked) {
  const std::regex unasked("not yet run|guess until measured|not measured yet", std::regex::icase);
  for (const char* path : {"README.md", "docs/cuda.md", "docs/gpu_results.md", "docs/performance.md", "docs/design.md"})
    EXPECT_FALSE(std::regex_search(page(path), unasked)) << path;
}

TEST(GpuResults, EveryFigureThatOtherPagesQuoteStandsInItsTables) {
  const std::string results = page("docs/gpu_results.md");
  const std::regex figure(R"([0-9][0-9.,]*[0-9]|[0-9])");
  for (const auto& [path, heading] : {std::pair("docs/cuda.md", "## Measured"), {"docs/performance.md", "## A GPU"}}) {
    const std::string quoted = section(path, heading);
    EXPECT_NE(quoted, "") << path << " has no section " << heading;
    for (std::sregex_iterator found(quoted.begin(), quoted.end(), figure), end; found != end; ++found)
      EXPECT_NE(results.find(found->str()), results.npos) << path << " says " << found->str();
  }
}

}  // namespace
}  // namespace millrace::gpu_results_test
