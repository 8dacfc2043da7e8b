// docs/security.md: that the tests it names exist, and what it says of the sources as a whole.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "millrace/tests/support/paths.h"

namespace millrace::security_test {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<fs::path> sources_below(const std::vector<std::string>& folders) {
  std::vector<fs::path> found;
  for (const auto& folder : folders)
    for (const auto& entry : fs::recursive_directory_iterator(test::source(folder)))
      if (entry.path().extension() == ".cpp" || entry.path().extension() == ".h") found.push_back(entry.path());
  return found;
}

// Those that ship and are compiled, by their paths from the root, in which `pattern` stands.
std::set<std::string> shipped_files_with(const std::string& pattern) {
  const std::regex wanted(pattern);
  std::set<std::string> found;
  for (const auto& path : sources_below({"sharing", "samplers", "loader", "configs", "apps"}))
    if (path.extension() == ".cpp" && std::regex_search(text_of(path), wanted))
      found.insert(fs::relative(path, test::source("")).string());
  return found;
}

TEST(Security, EveryTestThatIsNamedExists) {
  std::set<std::string> existing;
  const std::regex macro(R"(TEST(?:_F|_P)?\((\w+),\s*(\w+)\))");
  for (const auto& path : sources_below({"tests"})) {
    const std::string text = text_of(path);
    for (auto test = std::sregex_iterator(text.begin(), text.end(), macro); test != std::sregex_iterator(); ++test)
      existing.insert((*test)[1].str() + "." + (*test)[2].str());
  }
  const std::string page = text_of(test::source("docs/security.md"));
  const std::regex name(R"(`(\w+\.[A-Z]\w+)`)");
  size_t named = 0;
  for (auto found = std::sregex_iterator(page.begin(), page.end(), name); found != std::sregex_iterator();
       ++found, ++named)
    EXPECT_TRUE(existing.contains((*found)[1])) << "docs/security.md names " << (*found)[1] << ", which is no test";
  EXPECT_GT(named, 30u);
}

TEST(Security, CodeIsLoadedAndProgramsAreStartedInEightFilesOnly) {
  EXPECT_EQ(shipped_files_with(R"(\b(dlopen|dlmopen|system|popen|exec[lv]p?e?|fexecve|execveat|posix_spawnp?)\()"),
            (std::set<std::string>{
                "apps/millrace/bench/peer_python.cpp",  // The Python of MILLRACE_PYTHON, for bench --peer python.
                "apps/millrace/front/main.cpp",         // millrace-run, beside it.
                "apps/millrace/load_libraries.cpp",     // Libraries that a configuration names.
                "loader/device/compile.cpp",            // NVRTC.
                "sharing/cuda/driver.cpp",              // The CUDA driver.
                "sharing/os/execute.cpp",               // The program itself.
                "sharing/codec/function_ref.cpp",       // A library that a parent's function is in.
                "sharing/process/torch_cuda.cpp",       // LibTorch's CUDA part, beside its CPU part.
            }));
}

TEST(Security, NoSocketAndNoSharedMemoryHasANameUnlessTheProgramGivesIt) {
  EXPECT_EQ(shipped_files_with(R"(\b(bind|listen|linkat|mkfifo|shm_open|mq_open|sem_open|mkstemp|tmpfile)\()"),
            (std::set<std::string>{"sharing/channel/listener.cpp", "sharing/memory/shared_memory.cpp"}));
}

}  // namespace
}  // namespace millrace::security_test
