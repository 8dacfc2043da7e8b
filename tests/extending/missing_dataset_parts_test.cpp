// Datasets, samplers, functions for other processes and messages that lack a part: the compiler says which one, once.
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

constexpr const char* kCaptures = "a lambda that captures nothing";

// All in one file, since what it includes takes most of the time.
constexpr const char* kTypes = R"(#include <chrono>
#include "millrace/loader/data_loader.h"
#include "millrace/loader/datasets/stack_dataset.h"
#include "millrace/loader/images/transforms/transform.h"
#include "millrace/samplers/sequential_sampler.h"
#include "millrace/sharing/channel/pipe.h"
#include "millrace/sharing/channel/queue.h"
#include "millrace/sharing/pool/pool.h"
#include "millrace/sharing/process/spawn.h"
#include "millrace/sharing/sync/barrier.h"
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
struct VoidGet { size_t size() const; void get(size_t) const; };
struct VoidBatch { size_t size() const; void get_batch(std::vector<size_t>) const; };
struct NoEpochs { int64_t size() const; std::optional<int64_t> next(); };
struct NoLength { void set_epoch(int64_t); std::optional<int64_t> next(); };
struct NoOrder { int64_t size() const; void set_epoch(int64_t); };
struct IntNext { int64_t size() const; void set_epoch(int64_t); int64_t next(); };
struct Kept { int a = 0; };
struct Got { int a = 0; };
struct Put { int a = 0; };
struct Held { int a = 0; };
namespace mp = millrace::multiprocessing;
mp::Pool& pool();
const mp::Connection& connection();
void keep_kept(Held);
int n = 0;
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
    {"make_data_loader(VoidGet());", "get() or get_batch() returns void"},
    {"make_data_loader(VoidBatch());", "get() or get_batch() returns void"},
    {"make_data_loader(std::make_shared<Whole>());", "give the object, not a pointer"},
    {"make_data_loader(Whole(), NoEpochs());", "next() but no set_epoch()"},
    {"NoLength order; make_data_loader(Whole(), order, 4);", "next() but no size()"},
    {"make_data_loader(Whole(), NoOrder());", "neither options, nor a sampler, nor a range of indices"},
    {"make_data_loader<IntNext>(Whole(), 64);", "next() must be `std::optional<int64_t> next()`"},
    {"int m = n; DataLoaderOptions().worker_init_fn([m](const WorkerInfo&) {});", "worker_init_fn is a function"},
    {"int m = n; pool().apply([m](int i) { return i + m; }, 1);", kCaptures},
    {"int m = n; pool().map([m](int i) { return i + m; }, std::vector{1, 2});", kCaptures},
    {"int m = n; pool().map([m](int i) { return i + m; }, {1, 2});", kCaptures},
    {"int m = n; pool().starmap([m](int i, int j) { return i + j + m; }, {{1, 2}});", kCaptures},
    {"int m = n; pool().imap([m](int i) { return i + m; }, std::vector{1, 2});", kCaptures},
    {"int m = n; mp::spawn([m](int, int) {}, {m}, 2);", kCaptures},
    {"int m = n; mp::Barrier barrier(2, [m] {});", kCaptures},
    {"mp::Barrier barrier(2, {keep_kept, Held()});", "Held]"},
    {"connection().send(1, Kept());", "Kept]"},
    {"connection().recv<Got>();", "Got]"},
    {"mp::Queue<Put> queue; queue.put({}); queue.get();", "Put]"},
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

TEST(MissingPartsOfDatasets, AreNoneWhereBothNamespacesAreUsed) {
  EXPECT_EQ(
      errors_of(std::string(kTypes) + "using namespace millrace::transforms;\n"
                                      "void f() { StackDataset(Named{\"a\", Whole()}, Named{\"b\", Whole()}); }\n"),
      "");
}

TEST(MissingPartsOfDatasets, AreNoneOfTheWholeOne) {
  EXPECT_EQ(errors_of(std::string(kTypes) +
                      "void f() { make_data_loader(Whole()); make_data_loader(recipe(make_whole, 5, true)); }\n"),
            "");
}

}  // namespace
}  // namespace millrace::missing_dataset_parts_test
