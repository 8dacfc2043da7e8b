// Tar shards: the same samples as Python's webdataset gives, pictures as ImageFolder gives them, in every kind of
// worker.
#include "millrace/loader/datasets/tar_shards.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "millrace/loader/datasets/brace_expansion.h"
#include "millrace/loader/datasets/tar_header.h"
#include "millrace/loader/datasets/tar_index.h"
#include "millrace/loader/datasets/tar_writer.h"
#include "millrace/loader/datasets/webdataset_name.h"
#include "millrace/loader/images/datasets/image_folder.h"
#include "millrace/loader/images/datasets/tar_images.h"
#include "millrace/samplers/shard_shuffle_sampler.h"
#include "millrace/tests/loader/datasets/webdataset_reference.h"
#include "millrace/tests/loader/datasets_for_tests.h"
#include "millrace/tests/loader/images/pictures.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/environment.h"
#include "millrace/tests/support/kept_table.h"

namespace millrace {
namespace {

namespace fs = std::filesystem;
using namespace millrace::transforms;
using millrace::test::data_path;
using millrace::test::Directory;
using millrace::test::lines_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using Strings = std::vector<std::string>;

static_assert(InPlaceDataset<TarImages> && detail::Travels<TarImages> && detail::Travels<TarShards>);

std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::exception& error) {
    EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
    return error.what();
  }
  return "no error";
}

template <class D>
D travelled(const D& dataset) {
  Encoded encoded = encode(dataset);
  EXPECT_LT(encoded.bytes.size(), 1000U);  // Tables go as descriptors.
  DecodeArchive archive(encoded.bytes, encoded.fds);
  D arrived;
  archive(arrived);
  return arrived;
}

Strings lines_of_file(const std::string& path) {
  Strings lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

/// Writes shards whose samples have these files, the text being the content; returns the paths.
using TextSample = std::pair<std::string, std::vector<std::pair<std::string, std::string>>>;
Strings write_shards(const std::string& pattern, const std::vector<TextSample>& samples,
                     TarShardWriterOptions options = {}) {
  TarShardWriter writer(pattern, options);
  for (const auto& [key, files] : samples) {
    std::vector<TarShardWriter::File> list;
    for (const auto& [extension, text] : files) list.push_back({extension, bytes_of(text)});
    writer.write(key, list);
  }
  writer.close();
  return writer.shards();
}

/// `n` samples "0000", … of a text "cls" that is their number, `in_shard` of them in a shard.
Strings write_numbers(const Directory& directory, size_t n, uint64_t in_shard) {
  std::vector<TextSample> samples;
  for (size_t i = 0; i < n; ++i) samples.push_back({std::to_string(10000 + i), {{"cls", std::to_string(i)}}});
  return write_shards(directory.path() + "/n-%03d.tar", samples, {.max_shard_samples = in_shard});
}

// --- Names ---

TEST(WebDatasetName, IsSplitAtTheFirstDotOfTheFile) {
  const auto split = [](std::string_view path) {
    const auto name = split_webdataset_name(path);
    return name ? std::string(name->key) + "|" + name->extension : "none";
  };
  EXPECT_EQ(split("a.jpg"), "a|jpg");
  EXPECT_EQ(split("x.y/a.SEG.Png"), "x.y/a|seg.png");
  EXPECT_EQ(split("./a.jpg"), "./a|jpg");
  EXPECT_EQ(split("/a.jpg"), "/a|jpg");
  EXPECT_EQ(split("a."), "a|");
  EXPECT_EQ(split("a"), "none");
  EXPECT_EQ(split("a.b/c"), "none");
  EXPECT_EQ(split(""), "none");
  EXPECT_EQ(split("a/"), "none");
  EXPECT_EQ(split("__meta__"), "none");
  EXPECT_EQ(split("__meta__/a.jpg"), "none");
  EXPECT_EQ(split("__a.b__/c.jpg"), "none");
  EXPECT_EQ(split("__meta__x/a.jpg"), "__meta__x/a|jpg");
  EXPECT_EQ(split("a/__meta__/a.jpg"), "a/__meta__/a|jpg");
  EXPECT_EQ(split("__a.jpg"), "__a|jpg");
  // As webdataset's pattern happens to do it.
  EXPECT_EQ(split(".a"), "none");
  EXPECT_EQ(split("a/.b"), "a/|b");
  EXPECT_EQ(split("a//.b"), "a//|b");
  EXPECT_EQ(split("/.b"), "/|b");
  EXPECT_EQ(split("./.b"), "none");
  EXPECT_EQ(split("a.c/.b"), "none");
  EXPECT_EQ(split("a.c/d/.b.e"), "a.c/d/|b.e");
}

TEST(BraceExpansion, GivesWhatTheDocumentationOfBraceexpandSays) {
  EXPECT_THAT(expand_braces("item{1..3}"), ElementsAre("item1", "item2", "item3"));
  EXPECT_THAT(expand_braces("{a..c}"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(expand_braces("index.html{,.backup}"), ElementsAre("index.html", "index.html.backup"));
  EXPECT_THAT(expand_braces("python{2.{5..7},3.{2,3}}"),
              ElementsAre("python2.5", "python2.6", "python2.7", "python3.2", "python3.3"));
  EXPECT_THAT(expand_braces("{07..10}"), ElementsAre("07", "08", "09", "10"));
  EXPECT_THAT(expand_braces("{a..g..2}"), ElementsAre("a", "c", "e", "g"));
  EXPECT_THAT(expand_braces("{4..1}"), ElementsAre("4", "3", "2", "1"));
  EXPECT_THAT(expand_braces("{2..-1}"), ElementsAre("2", "1", "0", "-1"));
  EXPECT_THAT(expand_braces(R"({1\{2,3})"), ElementsAre("1{2", "3"));
  EXPECT_EQ(error_of([] { expand_braces("{1{2,3}"); }), "unbalanced braces: '{1{2,3}'");
}

// Patterns and, from webdataset's braceexpand 0.1.7, what they stand for.
TEST(BraceExpansion, GivesWhatBraceexpandGives) {
  const Strings patterns = {"plain",         "a{}b",        "{a}",       "{{1..3}}",        "{1,2}{3,4}{a..b}",
                            "{-02..2}",      "{00..9..4}",  "{9..0..4}", "{5..5}",          "{b..b}",
                            "{Z..b}",        "{b..Y}",      "{e..a..2}", "{1..2..0}",       "{1..a}",
                            "{1..}",         "{,}",         "{,,x}",     "x{000..003}.tar", "{a,{b,{c,d}}}",
                            R"(\{a,b\})",    R"({a\,b,c})", R"(a\\b)",   "{1..10..-3}",     "{-1..-3}",
                            "{01..100..33}", "{a..c..9}",   "{0..-0}",   "p{1..2}q{3..4}r", "{001..3}{x,y}"};
  const Directory directory;
  std::string lines;
  for (const auto& pattern : patterns) lines += pattern + "\n";
  directory.write("patterns", lines);
  const auto expected = test::ask_webdataset("braces '" + directory.path() + "/patterns'");
  if (!expected) GTEST_SKIP() << "no Python with webdataset (set MILLRACE_PYTHON)";
  ASSERT_EQ(expected->size(), patterns.size());
  for (size_t i = 0; i < patterns.size(); ++i) {
    const Strings ours = expand_braces(patterns[i]);
    std::string joined = ours.at(0);
    for (size_t k = 1; k < ours.size(); ++k) joined += " " + ours[k];
    EXPECT_EQ(joined, (*expected)[i]) << patterns[i];
  }
}

TEST(BraceExpansion, RefusesWhatIsOutOfProportion) {
  EXPECT_THAT(error_of([] { expand_braces("{0..99999999}"); }), HasSubstr("more than 10000000 strings"));
  EXPECT_THAT(error_of([] { expand_braces("{0..9999}{0..9999}"); }), HasSubstr("more than 10000000 strings"));
  EXPECT_THAT(error_of([] { expand_braces("{0..99999999999999999999}"); }), HasSubstr("too large a number"));
  EXPECT_THAT(error_of([] { expand_braces("a}b{c"); }), HasSubstr("unbalanced"));
}

// --- Samples ---

/// What webdataset reads, with what differs here: it takes a hidden file for one of its folder, and no hard links.
Strings with_differences(Strings lines) {
  std::erase_if(lines, [](const std::string& line) { return line.starts_with("plain/"); });
  const auto linked =
      std::find_if(lines.begin(), lines.end(), [](const std::string& line) { return line.starts_with("./e"); });
  if (linked != lines.end()) lines.insert(linked, "folder.d/d\tjpg=18:f0e413e0b770e6b5");
  return lines;
}

TEST(TarShards, ReadsWhatPythonWroteAsPythonDoes) {
  const Directory directory;
  size_t shards = 0;
  for (const auto& entry : fs::directory_iterator(data_path("shards"))) {
    if (entry.path().extension() != ".txt") continue;
    const std::string name = entry.path().stem();
    directory.copy("shards/" + name + ".tar", name + ".tar");
    const Strings expected = with_differences(lines_of_file(data_path("shards/" + name + ".txt")));
    const std::string path = directory.path() + "/" + name + ".tar";
    EXPECT_EQ(lines_of(TarShards(path)), expected) << name << ", scanned";
    EXPECT_EQ(lines_of(TarShards(path)), expected) << name << ", from its index";
    ++shards;
  }
  EXPECT_EQ(shards, 6U);
}

TEST(TarShards, ReadsWhatPythonWritesNow) {
  const Directory directory;
  if (!test::ask_webdataset("write '" + directory.path() + "'"))
    GTEST_SKIP() << "no Python with webdataset (set MILLRACE_PYTHON)";
  const auto expected = test::ask_webdataset("list '" + directory.path() + "'/*.tar");
  ASSERT_EQ(expected->size(), 100U);
  const TarShards shards(directory.path() + "/random-{000000..000002}.tar");
  EXPECT_EQ(lines_of(shards), *expected);
  EXPECT_EQ(lines_of(travelled(shards)), *expected);
  EXPECT_THAT(shards.shard_sizes(), ElementsAre(40, 40, 20));
}

TEST(TarShards, NumbersSamplesThroughTheShards) {
  const Directory directory;
  write_numbers(directory, 25, 10);
  write_shards(directory.path() + "/other-%d.tar", {{"x", {{"txt", "!"}}}});
  directory.copy("shards/empty.tar", "empty.tar");
  TarShards shards(directory.path() + "/{n-{000..001},empty,n-002}.tar::" + directory.path() + "/other-0.tar");
  EXPECT_EQ(shards.size(), 26U);
  EXPECT_EQ(shards.num_shards(), 5U);
  EXPECT_THAT(shards.shard_sizes(), ElementsAre(10, 10, 0, 5, 1));
  for (size_t i = 0; i < 25; ++i) EXPECT_EQ(text_of(shards.bytes(i, "cls")), std::to_string(i));
  EXPECT_EQ(shards.shard(20), directory.path() + "/n-002.tar");
  EXPECT_EQ(shards.key(20), "10020");
  EXPECT_EQ(shards.describe(25), directory.path() + "/other-0.tar: x");
}

TEST(TarShards, TakesTheFirstAlternativeThatIsThere) {
  const Directory directory;
  write_shards(directory.path() + "/%d.tar",
               {{"a", {{"jpg", "1"}, {"png", "2"}, {"seg.png", "3"}}}, {"b", {{"x", "4"}}}});
  TarShards shards(directory.path() + "/0.tar");
  EXPECT_EQ(text_of(shards.bytes(0, "jpeg;png;jpg")), "2");
  EXPECT_EQ(shards.find(0, "jpeg;png;jpg"), "png");
  EXPECT_EQ(shards.find(1, "jpeg;png;jpg"), std::nullopt);
  EXPECT_EQ(text_of(shards.bytes(0, "seg.png")), "3");
  EXPECT_THAT(shards.extensions(0), ElementsAre("jpg", "png", "seg.png"));
  EXPECT_THAT(error_of([&] { shards.bytes(1, "jpg;png"); }),
              AllOf(HasSubstr("/0.tar: b' has no file 'jpg;png'"), HasSubstr("it has x")));
}

TEST(TarShards, SaysWhereAFileLies) {
  const Directory directory;
  const Strings paths =
      write_shards(directory.path() + "/%d.tar", {{"a", {{"cls", "7"}, {"txt", "hello"}}}, {"b", {{"txt", "world"}}}},
                   {.max_shard_samples = 1});
  const TarShards shards(paths);
  const auto place = shards.place(1, "jpg;txt");
  ASSERT_TRUE(place);
  EXPECT_EQ(place->shard, paths[1]);
  EXPECT_EQ(place->stamp, load_tar_index(paths[1])->contents.stamp);
  EXPECT_EQ(text_of(test::read_bytes(paths[1])).substr(place->offset, place->size), "world");
  EXPECT_FALSE(shards.place(1, "cls"));
}

TEST(TarShards, GivesAllOfASampleByItsNames) {
  const Directory directory;
  write_shards(directory.path() + "/%d.tar",
               {{"a/b", {{"seg.png", "a picture"}, {"cls", "7"}, {"bin", std::string(3, '\0')}}}});
  TarShards shards(directory.path() + "/0.tar");
  const Sample sample = shards.get(0);
  EXPECT_EQ(sample.size(), 5U);
  EXPECT_EQ(sample.get<std::string>("__key__"), "a/b");
  EXPECT_EQ(sample.get<std::string>("__url__"), directory.path() + "/0.tar");
  EXPECT_EQ(sample.get<std::string>("seg.png"), "a picture");
  EXPECT_EQ(sample.get<std::string>("cls"), "7");
  EXPECT_EQ(sample.get<std::string>("bin"), std::string(3, '\0'));
}

TEST(TarShards, GoThroughALoaderAsStrings) {
  const Directory directory;
  write_numbers(directory, 25, 10);
  const TarShards shards(directory.path() + "/n-{000..002}.tar");
  for (const auto& mode : {testing::kInline, testing::processes(StartMethod::kForkServer, 2)}) {
    auto loader = make_data_loader(shards, mode.options(10));
    Strings labels;
    for (auto& batch : *loader)
      for (const auto& label : batch.strings("cls")) labels.push_back(label);
    Strings expected;
    for (int i = 0; i < 25; ++i) expected.push_back(std::to_string(i));
    EXPECT_EQ(labels, expected) << mode.name;
  }
}

TEST(TarShards, CopiesAndTravellersShareTheTables) {
  const Directory directory;
  write_numbers(directory, 500, 100);
  TarShards shards(directory.path() + "/n-{000..004}.tar");
  TarShards copy = shards;
  EXPECT_EQ(copy.key(7).data(), shards.key(7).data());
  TarShards arrived = travelled(shards);
  EXPECT_EQ(lines_of(arrived), lines_of(shards));
  EXPECT_EQ(lines_of(travelled(TarShards())), Strings{});
}

TEST(TarShards, AssignedReadsFromItsNewShards) {
  const Directory directory;
  write_shards(directory.path() + "/a%d.tar", {{"a", {{"txt", "from a"}}}});
  write_shards(directory.path() + "/b%d.tar", {{"b", {{"txt", "from b"}}}});
  TarShards shards(directory.path() + "/a0.tar");
  EXPECT_EQ(text_of(shards.bytes(0, "txt")), "from a");
  shards = TarShards(directory.path() + "/b0.tar");
  EXPECT_EQ(text_of(shards.bytes(0, "txt")), "from b");
}

TEST(TarShards, ReadsAtRandomFromMoreShardsThanItKeepsOpen) {
  const Directory directory;
  write_numbers(directory, 150, 1);
  TarShards shards(directory.path() + "/n-{000..149}.tar");
  for (size_t i = 0; i < 1500; ++i) EXPECT_EQ(text_of(shards.bytes(i * 67 % 150, "cls")), std::to_string(i * 67 % 150));
  const auto open = std::distance(fs::directory_iterator("/proc/self/fd"), {});
  EXPECT_LT(open, 100);
}

TEST(TarShards, ShardShuffleSamplerVisitsFewShardsAtATime) {
  const Directory directory;
  write_numbers(directory, 95, 10);
  const TarShards shards(directory.path() + "/n-{000..009}.tar");
  ShardShuffleSampler sampler(shards.shard_sizes(), {.open_shards = 2, .seed = 4});
  std::vector<int64_t> order;
  while (const auto i = sampler.next()) order.push_back(*i);
  std::vector<int64_t> all(95);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_NE(order, all);
  // Shards come in pairs; once one is left it does not come again.
  std::vector<std::string_view> seen;
  size_t changes = 0;
  std::vector<std::string_view> last_two;
  for (const int64_t i : order) {
    const auto shard = shards.shard(static_cast<size_t>(i));
    if (std::find(last_two.begin(), last_two.end(), shard) != last_two.end()) continue;
    EXPECT_THAT(seen, Not(::testing::Contains(shard)));
    seen.push_back(shard);
    last_two.push_back(shard);
    if (last_two.size() > 2) last_two.erase(last_two.begin(), last_two.begin() + 2);
    ++changes;
  }
  EXPECT_EQ(changes, 10U);
  std::sort(order.begin(), order.end());
  EXPECT_EQ(order, all);
}

TEST(TarShards, BadShardsAreErrorsThatNameTheCure) {
  const Directory directory;
  EXPECT_THAT(error_of([&] { TarShards(directory.path() + "/none-{0..3}.tar"); }),
              AllOf(HasSubstr("/none-0.tar'"), HasSubstr("check the path")));
  EXPECT_THAT(error_of([&] { TarShards(Strings{}); }), HasSubstr("no tar files"));
  directory.write("x.tar.gz", "\x1f\x8b compressed");
  EXPECT_THAT(error_of([&] { TarShards(directory.path() + "/x.tar.gz"); }), HasSubstr("compressed with gzip"));
  directory.copy("shards/twice.tar", "twice.tar");
  const std::string path = directory.path() + "/twice.tar";
  EXPECT_THAT(error_of([&] { TarShards{path}; }),
              AllOf(HasSubstr(path), HasSubstr("sample 'a' has two files 'jpg'"), HasSubstr("'a.JPG'")));
}

TEST(TarShards, AShardThatChangedOrWentIsAnErrorAndNotOtherBytes) {
  const Directory directory;
  write_numbers(directory, 2, 1);
  TarShards shards(directory.path() + "/n-{000..001}.tar");
  EXPECT_EQ(text_of(shards.bytes(0, "cls")), "0");
  write_shards(directory.path() + "/n-%03d.tar", {{"other", {{"cls", "longer than before"}}}});
  EXPECT_EQ(text_of(shards.bytes(0, "cls")), "0");  // Open still, and the old one.
  TarShards copy = shards;
  EXPECT_THAT(error_of([&] { copy.bytes(0, "cls"); }), HasSubstr("has changed since the dataset was made"));
  fs::remove(directory.path() + "/n-001.tar");
  EXPECT_THAT(error_of([&] { copy.bytes(1, "cls"); }), HasSubstr("No such file"));
  // Cut short in place while it is open.
  write_numbers(directory, 1, 1);
  TarShards again(directory.path() + "/n-000.tar");
  EXPECT_EQ(text_of(again.bytes(0, "cls")), "0");
  fs::resize_file(directory.path() + "/n-000.tar", 100);
  EXPECT_THAT(error_of([&] { again.bytes(0, "cls"); }), HasSubstr("became shorter"));
}

/// Packs files in this order, with Python's tarfile or whatever tar there is: by libarchive through `tar`.
std::string pack(const Directory& directory, const Strings& files) {
  for (const std::string& file : files) directory.write("files/" + file, "text of " + file);
  std::string command = "tar -C '" + directory.path() + "/files' -cf '" + directory.path() + "/x.tar'";
  for (const std::string& file : files) command += " '" + file + "'";
  EXPECT_EQ(std::system(command.c_str()), 0);
  return directory.path() + "/x.tar";
}

TEST(TarShards, FilesOfOneKeyAreOneSampleWhereverTheyLie) {
  const Directory directory;
  TarShards shards(pack(directory, {"0.cls", "1.cls", "1.txt", "2.cls", "2.txt", "0.txt", "3.txt"}));
  ASSERT_EQ(shards.size(), 4U);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(shards.key(i), std::to_string(i));
    EXPECT_THAT(shards.extensions(i), ElementsAre("cls", "txt"));
    EXPECT_EQ(text_of(shards.bytes(i, "txt")), "text of " + std::to_string(i) + ".txt");
  }
  EXPECT_THAT(shards.extensions(3), ElementsAre("txt"));
}

TEST(TarShards, AKeyThatComesAgainWithAFileThatItHadIsAnotherSample) {
  const Directory directory;
  const TarShards shards(pack(directory, {"0.cls", "0.txt", "1.cls", "0.cls", "1.txt", "0.txt"}));
  EXPECT_THAT(shards.extensions(0), ElementsAre("cls", "txt"));
  EXPECT_THAT(shards.extensions(1), ElementsAre("cls", "txt"));
  EXPECT_THAT(shards.extensions(2), ElementsAre("cls", "txt"));
  EXPECT_EQ(shards.key(2), "0");
}

TEST(TarShards, LitterIsNoSampleAndOneLineTellsIt) {
  const Directory directory;
  const std::string path = pack(directory, {"train/._0.cls", "train/0.cls", "train/.hidden.txt", "train/Thumbs.db",
                                            "train/.ipynb_checkpoints/0.cls", "__MACOSX/train/._0.cls",
                                            "deep/__MACOSX/0.cls", "train/0.txt", "./1.cls"});
  ::testing::internal::CaptureStderr();
  const TarShards shards(path);
  const std::string warning = ::testing::internal::GetCapturedStderr();
  ASSERT_EQ(shards.size(), 2U);
  EXPECT_THAT(shards.extensions(0), ElementsAre("cls", "txt"));
  EXPECT_THAT(warning, HasSubstr("tar: left out of '" + path + "': 6 files and folders"));
  EXPECT_EQ(std::count(warning.begin(), warning.end(), '\n'), 1);
}

TEST(TarShards, HomeFoldersAreExpanded) {
  const Directory directory;
  write_numbers(directory, 2, 1);
  const test::Environment home("HOME", directory.path());
  EXPECT_EQ(TarShards("~/n-{000..001}.tar").shard(1), directory.path() + "/n-001.tar");
  EXPECT_EQ(TarShards(Strings{"~/n-000.tar"}).shard(0), directory.path() + "/n-000.tar");
  EXPECT_THAT(write_shards("~/w-%d.tar", {{"a", {{"cls", "1"}}}}), ElementsAre(directory.path() + "/w-0.tar"));
}

TEST(TarShards, AShardRewrittenInPlaceIsAnErrorAtTheNextReading) {
  const Directory directory;
  const std::string path = write_numbers(directory, 2, 2)[0];
  TarShards shards(path);
  EXPECT_EQ(text_of(shards.bytes(0, "cls")), "0");
  std::string bytes = text_of(test::read_bytes(path));
  bytes[bytes.find("10001.cls") + 512] = '7';
  std::ofstream(path, std::ios::in | std::ios::out | std::ios::binary) << bytes;   // Without cutting it.
  fs::last_write_time(path, fs::last_write_time(path) + std::chrono::seconds(1));  // However coarse the clock is.
  EXPECT_THAT(error_of([&] { shards.bytes(1, "cls"); }), AllOf(HasSubstr(path), HasSubstr("has changed since")));
}

TEST(TarShards, AnIndexOutsideIsAnError) {
  const Directory directory;
  write_numbers(directory, 2, 2);
  TarShards shards(directory.path() + "/n-000.tar");
  EXPECT_THROW(shards.bytes(2, "cls"), std::out_of_range);
  EXPECT_THROW(shards.key(2), std::out_of_range);
  EXPECT_THROW(shards.describe(2), std::out_of_range);
  EXPECT_THROW(shards.extensions(size_t(-1)), std::out_of_range);
  EXPECT_THROW(TarShards().key(0), std::out_of_range);
}

TEST(TarShards, PlacesThatTheirMakerWroteLaterAreChecked) {
  const Directory directory;
  write_numbers(directory, 2, 2);
  Encoded message = encode(TarShards(directory.path() + "/n-000.tar"));
  constexpr size_t kFirstFiles = 1, kFiles = 2;  // Descriptors of the message.
  test::KeptTable first_files(message, kFirstFiles), files(message, kFiles);
  TarShards shards;
  DecodeArchive(message.bytes, message.fds)(shards);
  EXPECT_EQ(text_of(shards.bytes(0, "cls")), "0");
  files.set<uint64_t>(1, uint64_t{1} << 40);  // The first one's size: nothing of that size is made room for.
  EXPECT_THAT(error_of([&] { shards.bytes(0, "cls"); }), HasSubstr("sample 0 of tar shards lies outside its shard"));
  first_files.set<uint64_t>(2, uint64_t{1} << 40);
  EXPECT_THAT(error_of([&] { shards.extensions(1); }), HasSubstr("sample 1 of tar shards lie outside their table"));
  EXPECT_THAT(error_of([&] { shards.bytes(1, "cls"); }), HasSubstr("sample 1 of tar shards lie outside their table"));
}

TEST(TarShards, TablesThatDoNotFitAreRefused) {
  const Directory directory;
  write_numbers(directory, 4, 2);
  const TarShards two(directory.path() + "/n-{000..001}.tar"), one(directory.path() + "/n-000.tar");
  Encoded of_two = encode(two), of_one = encode(one);
  DecodeArchive archive(of_two.bytes, of_one.fds);  // The counts of one with the memory of the other.
  TarShards arrived;
  EXPECT_THROW(archive(arrived), DecodeError);
}

// --- Pictures ---

struct Picture {
  std::vector<uint8_t> image;
  int64_t label = -1;
  bool operator==(const Picture&) const = default;
};

template <class D>
Picture read(D& dataset, size_t i) {
  const SampleSpec spec = dataset.spec();
  Picture picture{std::vector<uint8_t>(spec.fields[0].bytes()), -1};
  std::byte* rows[] = {reinterpret_cast<std::byte*>(picture.image.data()),
                       reinterpret_cast<std::byte*>(&picture.label)};
  SampleRow row(spec, std::span(rows).first(spec.fields.size()));
  SampleContext context(i, 0);
  dataset.read(i, row, context);
  return picture;
}

/// The photos of tests/data in shards of 30.
std::string pack_photos(const Directory& directory) {
  const ImageFolder folder(data_path("photos"));
  TarShardWriter writer(directory.path() + "/photos-%02d.tar", {.max_shard_samples = 30});
  for (size_t i = 0; i < folder.size(); ++i) {
    const auto bytes = test::read_bytes(folder.describe(i));
    const std::string label = std::to_string(folder.label(i));
    writer.write(std::to_string(1000 + i), {{"cls", bytes_of(label)}, {"jpg", bytes}});
  }
  writer.close();
  return directory.path() + "/photos-{00..02}.tar";
}

TEST(TarImages, AreThoseOfImageFolder) {
  const Directory directory;
  const Chain chain = RandomResizedCrop(32) | RandomHorizontalFlip();
  auto folder = ImageFolder(data_path("photos")).transform(chain);
  auto shards = TarShards(pack_photos(directory)).image("jpg;jpeg;png", chain).label("cls");
  ASSERT_EQ(shards.size(), folder.size());
  EXPECT_EQ(shards.spec(), folder.spec());
  for (size_t i = 0; i < folder.size(); i += 7) EXPECT_EQ(read(shards, i), read(folder, i)) << i;
  auto gray = shards.mode(ImageMode::kGray);
  auto gray_folder = folder.mode(ImageMode::kGray);
  EXPECT_EQ(read(gray, 3), read(gray_folder, 3));
  auto arrived = travelled(shards);
  EXPECT_EQ(read(arrived, 42), read(folder, 42));
}

TEST(TarImages, AreTheSameInEveryKindOfWorker) {
  const Directory directory;
  auto photos = TarShards(pack_photos(directory)).image().label().transform(RandomResizedCrop(16));
  const auto hash_of = [&](const testing::Mode& mode) {
    auto loader = make_data_loader(photos, ShardShuffleSampler(photos.shards().shard_sizes(), {.open_shards = 2}),
                                   mode.options(16).seed(5));
    testing::Hash hash;
    int64_t samples = 0;
    for (auto& batch : *loader) {
      hash.add(batch);
      samples += batch.size();
    }
    EXPECT_EQ(samples, 80);
    return hash.value();
  };
  const uint64_t expected = hash_of(testing::kInline);
  for (const auto& mode : {testing::threads(2), testing::processes(StartMethod::kFork, 2),
                           testing::processes(StartMethod::kForkServer, 2), testing::processes(StartMethod::kSpawn, 2)})
    EXPECT_EQ(hash_of(mode), expected) << mode.name;
}

TEST(TarImages, MayDoWithoutLabelAndTransform) {
  const Directory directory;
  directory.copy("shards/pictures-000000.tar", "0.tar");
  auto images = TarShards(directory.path() + "/0.tar").image();
  EXPECT_EQ(images.spec(), (SampleSpec{{"image", c10::ScalarType::Byte, {3, 71, 93}}}));
  const auto expected = test::decode_planes(data_path("formats/baseline_422.jpg"), ImageMode::kRGB);
  EXPECT_EQ(read(images, 1).image, expected.values);
  EXPECT_THROW(TarImages(TarShards(), "jpg", {}).spec(), std::out_of_range);
}

TEST(TarImages, LabelsAreWholeNumbers) {
  const Directory directory;
  const Strings texts = {"7",   " -12\n", "+5",  "9223372036854775807", "", "x",
                         "1.5", "1 2",    "+-5", "9223372036854775808"};
  const auto jpeg = text_of(test::read_bytes(data_path("formats/one_pixel.jpg")));
  std::vector<TextSample> samples;
  for (size_t i = 0; i < texts.size(); ++i) samples.push_back({std::to_string(i), {{"cls", texts[i]}, {"jpg", jpeg}}});
  write_shards(directory.path() + "/%d.tar", samples);
  auto images = TarShards(directory.path() + "/0.tar").image().label();
  EXPECT_EQ(read(images, 0).label, 7);
  EXPECT_EQ(read(images, 1).label, -12);
  EXPECT_EQ(read(images, 2).label, 5);
  EXPECT_EQ(read(images, 3).label, INT64_MAX);
  for (size_t i = 4; i < texts.size(); ++i)
    EXPECT_THAT(error_of([&] { read(images, i); }),
                AllOf(HasSubstr("/0.tar: " + std::to_string(i)), HasSubstr("not a whole number: '" + texts[i] + "'")));
}

TEST(TarImages, LabelsMayHaveAByteOrderMarkAndAreNotInUtf16) {
  const Directory directory;
  const auto jpeg = text_of(test::read_bytes(data_path("formats/one_pixel.jpg")));
  write_shards(directory.path() + "/%d.tar", {{"a",
                                               {{"cls",
                                                 "\xEF\xBB\xBF"
                                                 "7\r\n"},
                                                {"jpg", jpeg}}},
                                              {"b", {{"cls", std::string("7\0", 2)}, {"jpg", jpeg}}},
                                              {"c",
                                               {{"cls", std::string("\xFF\xFE"
                                                                    "7\0",
                                                                    4)},
                                                {"jpg", jpeg}}}});
  auto images = TarShards(directory.path() + "/0.tar").image().label();
  EXPECT_EQ(read(images, 0).label, 7);
  EXPECT_THAT(error_of([&] { read(images, 1); }), HasSubstr("the label has a zero byte at 1"));
  EXPECT_THAT(error_of([&] { read(images, 2); }), HasSubstr("the label is in UTF-16: save it in UTF-8"));
}

TEST(BraceExpansion, RefusesTheSmallestIntegerToo) {
  EXPECT_THAT(error_of([] { expand_braces("{-9223372036854775808..-9223372036854775808}"); }), HasSubstr("too large"));
}

TEST(TarImages, BadSamplesAreErrorsThatNameThem) {
  const Directory directory;
  const auto jpeg = text_of(test::read_bytes(data_path("formats/baseline_420.jpg")));
  write_shards(directory.path() + "/%d.tar", {{"good", {{"jpg", jpeg}, {"cls", "1"}}},
                                              {"cut", {{"jpg", jpeg.substr(0, 900)}, {"cls", "1"}}},
                                              {"text", {{"jpg", "this is text"}, {"cls", "1"}}},
                                              {"bare", {{"cls", "1"}}}});
  auto images = TarShards(directory.path() + "/0.tar").image("jpg;png", Resize({8, 8})).label();
  EXPECT_EQ(read(images, 0).label, 1);
  EXPECT_THAT(error_of([&] { read(images, 1); }), AllOf(HasSubstr("/0.tar: cut'"), HasSubstr("truncated JPEG")));
  EXPECT_THAT(error_of([&] { read(images, 2); }), AllOf(HasSubstr("/0.tar: text'"), HasSubstr("not an image")));
  EXPECT_THAT(error_of([&] { read(images, 3); }),
              AllOf(HasSubstr("/0.tar: bare' has no file 'jpg;png'"), HasSubstr("it has cls")));
}

TEST(TarImages, HaveLimitsForPicturesAndTheirFiles) {
  const Directory directory;
  const auto jpeg = text_of(test::read_bytes(data_path("formats/baseline_420.jpg")));
  write_shards(directory.path() + "/%d.tar",
               {{"good", {{"jpg", jpeg}}}, {"large", {{"jpg", std::string(1 << 21, 'x')}}}});
  auto images = TarShards(directory.path() + "/0.tar").image("jpg", Resize({8, 8})).max_pixels(71 * 93);
  auto smaller = images.max_pixels(71 * 93 - 1);
  EXPECT_EQ(error_of([&] { read(images, 0); }), "no error");
  EXPECT_THAT(error_of([&] { read(smaller, 0); }),
              HasSubstr("good': a picture of 71x93 pixels, over the limit of 6602"));
  EXPECT_THAT(error_of([&] { read(images, 1); }),
              HasSubstr("large': a file of 2097152 bytes, over the limit of 1074988"));
}

// --- Writing ---

TEST(TarShardWriter, WritesWhatPythonReads) {
  const Directory directory;
  std::vector<TextSample> samples;
  for (size_t i = 0; i < 60; ++i)
    samples.push_back({"part" + std::to_string(i % 2) + "/" + std::to_string(i),
                       {{"txt", std::string(i * 37, 't')}, {"a.b", std::to_string(i)}, {"", ""}}});
  for (auto& sample : samples) sample.second.pop_back();  // No empty extension.
  samples.push_back({std::string(90, 'n'), {{"txt", "just fits"}, {"extension", "just does not"}}});
  samples.push_back({std::string(120, 'd') + "/" + std::string(99, 'n'), {{"txt", "in two parts"}}});
  samples.push_back({std::string(300, 'n'), {{"txt", "needs pax"}}});
  samples.push_back({"gr\u00fc\u00df", {{"txt", "is not ASCII"}}});
  const Strings paths = write_shards(directory.path() + "/ours-%04d.tar", samples, {.max_shard_samples = 25});
  EXPECT_THAT(paths, ElementsAre(directory.path() + "/ours-0000.tar", directory.path() + "/ours-0001.tar",
                                 directory.path() + "/ours-0002.tar"));
  TarShards shards(paths);
  ASSERT_EQ(shards.size(), samples.size());
  for (size_t i = 0; i < samples.size(); ++i) {
    EXPECT_EQ(shards.key(i), samples[i].first);
    for (const auto& [extension, text] : samples[i].second) EXPECT_EQ(text_of(shards.bytes(i, extension)), text);
  }
  const auto read_by_python = test::ask_webdataset("list '" + directory.path() + "'/ours-*.tar");
  if (!read_by_python) GTEST_SKIP() << "no Python with webdataset (set MILLRACE_PYTHON)";
  EXPECT_EQ(*read_by_python, lines_of(shards));
}

TEST(TarShardWriter, WritesTheSameBytesForTheSameSamples) {
  const Directory first, second;
  for (const auto* directory : {&first, &second}) {
    write_shards(directory->path() + "/%d.tar",
                 {{"a", directory == &first ? std::vector<std::pair<std::string, std::string>>{{"x", "1"}, {"y", "2"}}
                                            : std::vector<std::pair<std::string, std::string>>{{"y", "2"}, {"x", "1"}}},
                  {std::string(300, 'n'), {{"txt", "pax"}}}});
  }
  EXPECT_EQ(test::read_bytes(first.path() + "/0.tar"), test::read_bytes(second.path() + "/0.tar"));
}

TEST(TarShardWriter, KeepsShardsBelowTheirLargestSize) {
  const Directory directory;
  std::vector<TextSample> samples;
  for (size_t i = 0; i < 40; ++i) {
    const std::string key = i % 3 == 0 ? std::to_string(i) + std::string(150, 'k') : std::to_string(i);
    samples.push_back({key, {{"bin", std::string(i * 211, 'b')}, {"cls", "1"}}});
  }
  samples.push_back({"large", {{"bin", std::string(50'000, 'b')}}});
  samples.push_back({"small", {{"bin", "b"}}});
  const Strings paths = write_shards(directory.path() + "/%d.tar", samples, {.max_shard_bytes = 40'000});
  ASSERT_GT(paths.size(), 5U);
  for (const auto& path : paths) {
    if (TarShards(path).key(0) != "large") {
      EXPECT_LE(fs::file_size(path), 40'000U);
    }
  }
  EXPECT_EQ(TarShards(paths).size(), samples.size());
  EXPECT_EQ(TarShards(paths.at(paths.size() - 2)).size(), 1U);  // The large one, by itself.
}

TEST(TarShardWriter, KeepsShardsOfTinySamplesBelowTheirLargestSizeToo) {
  const Directory directory;
  std::vector<TextSample> samples;
  for (size_t i = 0; i < 200; ++i) samples.push_back({std::to_string(i), {{"txt", "t"}, {"cls", "1"}}});
  const uint64_t ten = 10 * 4 * kTarBlock + TarShardWriter::kShardBytes;  // A header and a block for each file.
  const Strings paths = write_shards(directory.path() + "/%d.tar", samples, {.max_shard_bytes = ten});
  ASSERT_EQ(paths.size(), 20U);
  for (const auto& path : paths) EXPECT_EQ(fs::file_size(path), ten);
}

TEST(TarShardWriter, CountsEveryByteOfEveryName) {
  const Directory directory;
  for (const size_t length : {1, 96, 97, 150, 400, 2000})
    for (const char* letter : {"n", "\xc3\xbc", "\xff"}) {
      std::string key;
      while (key.size() < length) key += letter;
      const std::string path = write_shards(directory.path() + "/%d.tar", {{key, {{"txt", "t"}}}}).front();
      EXPECT_EQ(fs::file_size(path), TarShardWriter::file_bytes(key + ".txt", 1) + TarShardWriter::kShardBytes) << key;
      EXPECT_EQ(TarShards(path).key(0), key);
    }
  EXPECT_EQ(TarShardWriter::file_bytes(std::string(100, 'n'), 1), 2 * kTarBlock);
  EXPECT_EQ(TarShardWriter::file_bytes(std::string(101, 'n'), 1), 4 * kTarBlock);
}

TEST(TarHeader, HasSizesAndTimesThatUstarHasNoRoomFor) {
  const Directory directory;
  const std::string path = directory.path() + "/large.tar", header = tar_header("a.bin", uint64_t{8} << 30, -5);
  directory.write("large.tar", header);
  fs::resize_file(path, header.size() + (uint64_t{8} << 30) + TarShardWriter::kShardBytes);  // A hole: takes no room.
  EXPECT_THAT(scan_tar(path).members, ElementsAre(TarMember{"a.bin", header.size(), uint64_t{8} << 30}));
  EXPECT_THAT(header, HasSubstr("12 mtime=-5\n"));
  EXPECT_EQ(tar_header("a.bin", (uint64_t{8} << 30) - 1, 0).size(), kTarBlock);
}

TEST(TarShardWriter, LeavesAnIndexBesideEachShard) {
  const Directory directory;
  for (const auto& path : write_numbers(directory, 5, 2)) {
    const auto index = load_tar_index(path);
    ASSERT_TRUE(index) << path;
    EXPECT_EQ(index->contents, scan_tar(path));
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(directory.path()), {}), 6);
}

TEST(TarShardWriter, BeginsWithTheShardThatItIsToldAndNotesThePlan) {
  const Directory directory;
  const Strings paths = write_shards(directory.path() + "/%03d.tar", {{"a", {{"txt", "1"}}}, {"b", {{"txt", "2"}}}},
                                     {.max_shard_samples = 1, .first_shard = 41, .plan = 7});
  EXPECT_THAT(paths, ElementsAre(directory.path() + "/041.tar", directory.path() + "/042.tar"));
  for (const auto& path : paths) EXPECT_EQ(load_tar_index(path)->plan, 7U);
}

TEST(TarShardWriter, LeavesNothingOfWhatIsNotFinished) {
  const Directory directory;
  {
    TarShardWriter writer(directory.path() + "/%d.tar", {.max_shard_samples = 1});
    writer.write("a", {{"txt", bytes_of("1")}});
    writer.write("b", {{"txt", bytes_of("2")}});
    EXPECT_THAT(writer.shards(), ElementsAre(directory.path() + "/0.tar"));
    EXPECT_EQ(std::distance(fs::directory_iterator(directory.path()), {}), 3);  // And one under a passing name.
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(directory.path()), {}), 2);
  EXPECT_THAT(write_shards(directory.path() + "/none-%d.tar", {}), IsEmpty());
}

TEST(TarShardWriter, BeyondTheLimitOfFileSizesThrowsAndDoesNotDie) {
  const Directory directory;
  const std::vector<std::byte> picture(100'000);
  // In a process of its own, since it would die of SIGXFSZ.
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit limit{50'000, 50'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    TarShardWriter writer(directory.path() + "/%d.tar");
    const auto error = error_of([&] { writer.write("key", {{"jpg", picture}}); });
    ::_exit(error.find("(ulimit -f)") != error.npos ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << "killed by signal " << WTERMSIG(status);
}

TEST(TarShardWriter, RefusesKeysThatLeadOutOfTheFolder) {
  const Directory directory;
  TarShardWriter writer(directory.path() + "/%d.tar");
  for (const char* key : {"../a", "a/../../b", "..", "/a"})
    EXPECT_NE(error_of([&] { writer.write(key, {{"txt", {}}}); }), "no error") << key;
  EXPECT_THAT(error_of([&] { writer.write("a/../b", {{"txt", {}}}); }), HasSubstr("leads out of the folder"));
}

TEST(TarShardWriter, RefusesNamesThatWouldBeLeftOutAsLitter) {
  const Directory directory;
  TarShardWriter writer(directory.path() + "/%d.tar");
  for (const char* key : {".cache/a", "a/__MACOSX/b", "thumbs"})
    EXPECT_THAT(error_of([&] { writer.write(key, {{"db", {}}}); }), HasSubstr("are not read back")) << key;
}

TEST(TarShardWriter, RefusesWhatWouldBeReadAsSomethingElse) {
  const Directory directory;
  TarShardWriter writer(directory.path() + "/%d.tar");
  const auto error = [&](const std::string& key, std::vector<std::string> extensions) {
    std::vector<TarShardWriter::File> files;
    for (const auto& extension : extensions) files.push_back({extension, {}});
    return error_of([&] { writer.write(key, files); });
  };
  for (const char* key : {"", "a.b", "a/", "/a", "a/.b", ".", "__meta__/a", "a/b.c"})
    EXPECT_THAT(error(key, {"txt"}), HasSubstr("a key that is not read back")) << key;
  for (const char* extension : {"JPG", "a/b", "_meta", ""})
    EXPECT_THAT(error("a", {extension}), HasSubstr("TarShardWriter: sample 'a' has")) << extension;
  EXPECT_THAT(error("a", {}), HasSubstr("has no files"));
  EXPECT_THAT(error("a", {"x", "y", "x"}), HasSubstr("two files 'x'"));
  EXPECT_EQ(error("a", {"x"}), "no error");
  EXPECT_THAT(error("a", {"y"}), HasSubstr("the key of one before"));
  EXPECT_EQ(error("b", {"x"}), "no error");
  EXPECT_THAT(error("a", {"y"}), HasSubstr("the key of one before"));
  writer.close();
  EXPECT_THAT(error("c", {"x"}), HasSubstr("after close()"));
  EXPECT_EQ(TarShards(writer.shards()).size(), 2U);
  for (const char* pattern : {"x.tar", "%s.tar", "%d%d.tar", "%6d.tar", "%.tar", "%00d"})
    EXPECT_THAT(error_of([&] { TarShardWriter{pattern}; }), HasSubstr("must hold %d")) << pattern;
  EXPECT_THAT(error_of([&] { TarShardWriter(directory.path() + "/none/%d.tar").write("a", {{"x", {}}}); }),
              HasSubstr("No such file"));
}

}  // namespace
}  // namespace millrace
