// Datasets, collate functions and recipes that lack a part: the compiler says which one, once.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <string>

#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"

namespace millrace::missing_dataset_parts_test {
namespace {

struct Lacking {
  const char* statement;
  const char* message;
};

// All in one file, since what it includes takes most of the time.
constexpr const char* kTypes = R"(#include "millrace/loader/data_loader.h"
#include "millrace/samplers/sequential_sampler.h"
using namespace millrace;
struct Whole { size_t size() const; int64_t get(size_t) const; };
struct NoSize { int64_t get(size_t) const; };
struct NoSizeToOrder { int64_t get(size_t) const; };
struct NoGet { size_t size() const; };
struct NoSpec { size_t size() const; void read(size_t, SampleRow&, SampleContext&); };
struct NoCopy { NoCopy(NoCopy&&); std::optional<int64_t> next(StreamContext&); };
NoCopy no_copy();
struct NoBatchSize { std::vector<int64_t> get_batch(std::vector<size_t>); };
struct Nothing {};
Whole make_whole(int64_t samples, bool train = true);
int64_t of_words(std::vector<std::string>&&);
// Names of a user's, where all of ours are in sight.
template <class T> concept Sized = requires(const T& value) { value.size(); };
template <class T> concept Travels = true;
template <class T> concept PlainBytes = true;
static_assert(Sized<Whole> && Travels<Whole> && PlainBytes<Whole>);
)";

constexpr Lacking kLacking[] = {
    {"make_data_loader(NoSize());", "this dataset has get() but no size()"},
    {"make_data_loader(NoGet());", "this dataset has size() but no get()"},
    {"make_data_loader(NoSpec());", "this dataset has read() but no spec()"},
    {"make_data_loader(no_copy());", "give it a copy constructor"},
    {"make_data_loader(NoBatchSize());", "this dataset has get_batch() but no size()"},
    {"make_data_loader(Nothing());", "this is no dataset"},
    {"make_data_loader<SequentialSampler>(NoSizeToOrder());", "this dataset has get() but no size()"},
    {"make_data_loader(Whole(), {}, of_words);", "cannot be called with a std::vector of this dataset's samples"},
    {"recipe(make_whole, 5);", "default arguments do not count"},
    {"recipe([n = 5] { return make_whole(n); });", "a lambda that captures nothing"},
};

std::string errors_of(const std::string& text) {
  const char* const compiler = std::getenv("CXX");
  const char* const folders = std::getenv("MILLRACE_TORCH_INCLUDE");
  if (!compiler || !folders) throw std::runtime_error("CXX and MILLRACE_TORCH_INCLUDE must be set");
  const test::Directory directory;
  directory.write("check.cpp", text);
  std::string command =
      std::string("LC_ALL=C '") + compiler + "' -std=c++20 -fsyntax-only -I '" + test::built("include") + "'";
  std::istringstream list(folders);
  for (std::string folder; std::getline(list, folder, ':');) command += " -isystem '" + folder + "'";
  FILE* const pipe = ::popen((command + " '" + directory.path() + "/check.cpp' 2>&1").c_str(), "r");
  if (!pipe) throw std::runtime_error("no shell can be started");
  std::string output;
  for (int byte = std::fgetc(pipe); byte != EOF; byte = std::fgetc(pipe)) output.push_back(static_cast<char>(byte));
  ::pclose(pipe);
  return output;
}

TEST(MissingPartsOfDatasets, AreNamedByTheCompilerOnceEach) {
  std::string text = kTypes;
  int number = 0;
  for (const auto& [statement, message] : kLacking)
    text += "void f" + std::to_string(number++) + "() { " + statement + " }\n";
  const std::string output = errors_of(text);
  int errors = 0;
  for (size_t at = output.find("error:"); at != std::string::npos; at = output.find("error:", at + 1)) ++errors;
  EXPECT_EQ(errors, number) << output;
  for (const auto& [statement, message] : kLacking)
    EXPECT_NE(output.find(message), std::string::npos) << statement << "\n" << output;
}

TEST(MissingPartsOfDatasets, AreNoneOfTheWholeOne) {
  EXPECT_EQ(errors_of(std::string(kTypes) +
                      "void f() { make_data_loader(Whole()); make_data_loader(recipe(make_whole, 5, true)); }\n"),
            "");
}

}  // namespace
}  // namespace millrace::missing_dataset_parts_test
