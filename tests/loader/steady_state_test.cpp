#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "millrace/loader/data_loader.h"
#include "millrace/tests/loader/datasets_for_tests.h"

namespace millrace {
namespace {

namespace fs = std::filesystem;
using testing::Numbers;

std::set<std::string> open_descriptors() {
  std::set<std::string> found;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code gone;  // The iterator's own descriptor.
    const auto target = fs::read_symlink(entry.path(), gone);
    if (!gone) found.insert(entry.path().filename().string() + " -> " + target.string());
  }
  return found;
}

std::set<std::string> mappings_of_files() {
  std::set<std::string> found;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    if (line.find('/') != std::string::npos) found.insert(line);
  return found;
}

std::set<std::string> shared_memory_names() {
  std::set<std::string> found;
  for (const auto& entry : fs::directory_iterator("/dev/shm")) found.insert(entry.path().filename().string());
  return found;
}

TEST(SteadyState, OpensAndMapsNothingInAThousandBatches) {
  const auto names_before = shared_memory_names();
  auto loader = make_data_loader(Numbers{100'000}, DataLoaderOptions(20).num_workers(2));
  loader->wait_ready();
  for (int i = 0; i < 20; ++i) loader->next();
  const auto descriptors = open_descriptors();
  const auto mappings = mappings_of_files();
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(loader->next().has_value());
  EXPECT_EQ(open_descriptors(), descriptors);
  EXPECT_EQ(mappings_of_files(), mappings);
  EXPECT_EQ(shared_memory_names(), names_before);
}

TEST(Descriptors, AreAtMostFourAWorkerAndTwentyFour) {
  for (const size_t workers : {1U, 4U, 8U}) {
    const size_t before = open_descriptors().size();
    auto loader = make_data_loader(Numbers{100}, DataLoaderOptions(20).num_workers(static_cast<int64_t>(workers)));
    loader->wait_ready();
    EXPECT_LE(open_descriptors().size() - before, 4 * workers + 5);  // Arena, board, two bells, epoll.
    EXPECT_LE(open_descriptors().size(), 4 * workers + 24);
  }
}

TEST(Descriptors, AllCloseWithTheLoader) {
  const auto before = open_descriptors().size();
  for (int i = 0; i < 20; ++i) {
    auto loader = make_data_loader(Numbers{100}, DataLoaderOptions(20).num_workers(2));
    loader->next();
  }
  EXPECT_EQ(open_descriptors().size(), before);
}

}  // namespace
}  // namespace millrace
