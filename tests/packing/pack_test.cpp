// Packing by worker processes: what is in the shards, what is kept of an earlier packer, and what is refused.
#include "millrace/packing/pack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/loader/datasets/tar_index.h"
#include "millrace/loader/datasets/tar_shards.h"
#include "millrace/loader/images/decode.h"
#include "millrace/packing/jpeg_writer.h"
#include "millrace/packing/plan.h"
#include "millrace/packing/resize.h"
#include "millrace/packing/sources.h"
#include "millrace/packing/verify.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/error_of.h"

namespace millrace::pack_test {
namespace {

namespace fs = std::filesystem;
using packing::BrokenSamples;
using packing::OtherShards;
using packing::PackOptions;
using packing::PackReport;
using packing::Plan;
using packing::PlanOptions;
using packing::Source;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// All samples of shards: what is in the files "jpg" and "cls" of each key.
std::map<std::string, std::pair<std::string, std::string>> samples_in(const std::vector<std::string>& tars) {
  TarShards shards(tars);
  std::map<std::string, std::pair<std::string, std::string>> samples;
  const auto text = [&](size_t i, const char* extension) {
    const auto bytes = shards.bytes(i, extension);
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  for (size_t i = 0; i < shards.size(); ++i) samples[std::string(shards.key(i))] = {text(i, "jpg"), text(i, "cls")};
  return samples;
}

/// 40 files in two classes, which nobody takes for pictures, and shards of 10.
class Packing : public ::testing::Test {
 protected:
  Packing() {
    for (int i = 0; i < 40; ++i) directory.write(name_of(i), std::string(static_cast<size_t>(100 * i), 'x'));
  }

  static std::string name_of(int i) {
    return std::string("photos/") + (i % 2 == 0 ? "cat/" : "dog/") + std::to_string(i) + ".jpg";
  }

  std::string photos() const { return directory.path() + "/photos"; }
  std::string out() const { return directory.path() + "/out"; }

  PackReport pack(const PackOptions& options = {.workers = 2}) const {
    const Source source = packing::list_source(photos(), {});
    const Plan plan = packing::make_plan(source.samples, out(), {.shard_samples = 10});
    return packing::pack(source, plan, options, [](uint64_t) { return true; });
  }

  std::string error(const PackOptions& options = {.workers = 2}) const {
    return test::error_of([&] { pack(options); });
  }

  std::map<std::string, fs::file_time_type> times() const {
    std::map<std::string, fs::file_time_type> times;
    for (const auto& tar : packing::tar_files_at(out())) times[tar] = fs::last_write_time(tar);
    return times;
  }

  const test::Directory directory;
};

TEST_F(Packing, GivesEachPictureWithItsLabel) {
  const PackReport report = pack();
  EXPECT_EQ(report.shards(), 4U);
  EXPECT_EQ(report.samples(), 40U);
  EXPECT_EQ(report.samples_written, 40U);
  EXPECT_EQ(report.shards_found, 0U);
  EXPECT_THAT(report.broken, IsEmpty());
  const auto tars = packing::tar_files_at(out());
  ASSERT_THAT(tars, SizeIs(4));
  EXPECT_THAT(tars.front(), EndsWith("/out/shard-000000.tar"));
  const auto samples = samples_in(tars);
  ASSERT_THAT(samples, SizeIs(40));
  for (int i = 0; i < 40; ++i) {
    const auto& [picture, label] = samples.at((i % 2 == 0 ? "cat/" : "dog/") + std::to_string(i));
    EXPECT_EQ(picture, text_of(directory.path() + "/" + name_of(i)));
    EXPECT_EQ(label, std::to_string(i % 2));
  }
  uint64_t bytes = 0;
  for (const auto& tar : tars) bytes += fs::file_size(tar);
  EXPECT_EQ(report.bytes(), bytes);
  EXPECT_EQ(report.bytes_written, bytes);
  const auto verified = packing::verify(tars, 2, [](size_t) {});
  EXPECT_EQ(verified.bytes, bytes);
  EXPECT_THAT(verified.damages, IsEmpty());
}

TEST_F(Packing, KeepsWhatIsThereAndWritesWhatIsMissing) {
  pack();
  const auto before = times();
  fs::remove(out() + "/shard-000002.tar");
  directory.write("out/shard-000002.tar.17.tmp", "half of it");
  directory.write("out/shard-000002.tar.index.18.tmp", "half of it");
  directory.write("out/somebody.else.17.tmp", "and not ours");
  const PackReport report = pack();
  EXPECT_EQ(report.shards_found, 3U);
  EXPECT_EQ(report.samples(), 40U);
  EXPECT_EQ(report.samples_written, 10U);
  for (const auto& [tar, time] : times()) EXPECT_EQ(time == before.at(tar), !tar.ends_with("2.tar")) << tar;
  EXPECT_FALSE(fs::exists(out() + "/shard-000002.tar.17.tmp"));
  EXPECT_FALSE(fs::exists(out() + "/shard-000002.tar.index.18.tmp"));
  EXPECT_TRUE(fs::exists(out() + "/somebody.else.17.tmp"));
  EXPECT_EQ(pack().shards_found, 4U);
}

TEST_F(Packing, ReplacesShardsOfFilesThatHaveChangedOnlyWhenAsked) {
  pack();
  const auto before = times();
  directory.write(name_of(3), "another picture");
  EXPECT_THAT(error(), AllOf(HasSubstr("is there and has other samples"), HasSubstr("--overwrite")));
  EXPECT_EQ(times(), before);
  const PackReport report = pack({.workers = 2, .others = OtherShards::kReplace});
  EXPECT_EQ(report.shards_found, 3U);
  EXPECT_EQ(samples_in(packing::tar_files_at(out())).at("dog/3").first, "another picture");
}

TEST_F(Packing, RefusesShardsThatWouldBeReadWithIts) {
  pack();
  fs::copy(out() + "/shard-000001.tar", out() + "/shard-000004.tar");
  EXPECT_THAT(error(), HasSubstr("shard-000004.tar' is none of these shards and would be read with them"));
  EXPECT_THAT(error({.workers = 2, .others = OtherShards::kReplace}), HasSubstr("shard-000004.tar'"));
  fs::rename(out() + "/shard-000004.tar", out() + "/other-000004.tar");
  EXPECT_EQ(pack().shards_found, 4U);
}

TEST_F(Packing, NamesAllThatCannotBeReadAndWritesNoShardOfThem) {
  const Source source = packing::list_source(photos(), {});
  const Plan plan = packing::make_plan(source.samples, out(), {.shard_samples = 10});
  fs::remove(directory.path() + "/" + name_of(6));
  fs::remove(directory.path() + "/" + name_of(7));
  directory.write(name_of(8), "written while it is packed");
  const auto go = [](uint64_t) { return true; };
  const PackReport refused = packing::pack(source, plan, {.workers = 2}, go);
  std::map<std::string, std::string> broken;
  for (const auto& sample : refused.broken) broken[sample.key] = sample.why;
  EXPECT_THAT(broken, SizeIs(3));
  EXPECT_THAT(broken["cat/6"], HasSubstr("cannot open '" + directory.path() + "/photos/cat/6.jpg': No such file"));
  EXPECT_THAT(broken["dog/7"], HasSubstr("No such file"));
  EXPECT_THAT(broken["cat/8"], HasSubstr("has changed since it was listed"));
  EXPECT_LT(refused.shards(), 4U);
  EXPECT_GE(refused.shards(), 1U);
  const PackReport rest = packing::pack(source, plan, {.workers = 2, .broken = BrokenSamples::kLeaveOut}, go);
  EXPECT_EQ(rest.samples(), 37U);
  EXPECT_EQ(rest.shards(), 4U);
  EXPECT_EQ(rest.shards_found, refused.shards());
  // Who comes later is told as well.
  const PackReport again = packing::pack(source, plan, {.workers = 2, .broken = BrokenSamples::kLeaveOut}, go);
  EXPECT_EQ(again.shards_found, 4U);
  EXPECT_EQ(again.samples(), 37U);
  ASSERT_THAT(again.broken, SizeIs(3));
  EXPECT_THAT(again.broken[0].why, HasSubstr("was left out when its shard was written"));
}

TEST_F(Packing, AShardOfWhichNothingCanBeReadIsAnError) {
  const Source source = packing::list_source(photos(), {});
  const Plan plan = packing::make_plan(source.samples, out(), {.shard_samples = 1});
  fs::remove(directory.path() + "/" + name_of(6));
  EXPECT_THAT(test::error_of([&] {
                packing::pack(source, plan, {.workers = 2, .broken = BrokenSamples::kLeaveOut},
                              [](uint64_t) { return true; });
              }),
              AllOf(HasSubstr("no sample of '"), HasSubstr("can be read"), HasSubstr("cat/6.jpg")));
}

TEST_F(Packing, StopsWhenAskedAndGoesOnLater) {
  const Source source = packing::list_source(photos(), {});
  const Plan plan = packing::make_plan(source.samples, out(), {.shard_samples = 1});
  const PackReport stopped = packing::pack(source, plan, {.workers = 1}, [](uint64_t samples) { return samples < 3; });
  EXPECT_TRUE(stopped.is_stopped);
  EXPECT_LT(stopped.shards(), 40U);
  for (const auto& entry : fs::directory_iterator(out())) EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
  const PackReport rest = packing::pack(source, plan, {.workers = 1}, [](uint64_t) { return true; });
  EXPECT_FALSE(rest.is_stopped);
  EXPECT_GE(rest.shards_found, stopped.shards());
  EXPECT_EQ(rest.samples(), 40U);
}

TEST_F(Packing, RefusesNamesThatShardsCannotHave) {
  directory.write("photos/__meta__/a.jpg", "x");
  EXPECT_THAT(error(), HasSubstr("TarShardWriter: sample '__meta__/a' has a key that is not read back as it is"));
}

TEST_F(Packing, RefusesAFolderOfPartsAndWhatIsNotThere) {
  fs::rename(photos() + "/cat", photos() + "/train");
  fs::rename(photos() + "/dog", photos() + "/test");
  EXPECT_THAT(error(), AllOf(HasSubstr("has parts that are no classes"), HasSubstr("/photos/train' and '")));
  EXPECT_THAT(test::error_of([&] { packing::list_source(photos() + "/none", {}); }),
              HasSubstr("no such file or folder"));
}

TEST_F(Packing, KeepsTheNamesOfClassesThatLieBesideShards) {
  directory.copy("shards/pictures-000000.tar", "found/pictures.tar");
  directory.write("found/classes.txt", "angora\ntabby\n");
  EXPECT_THAT(packing::list_source(directory.path() + "/found", {}).classes, ElementsAre("angora", "tabby"));
}

TEST_F(Packing, RefusesNamesOfClassesBesideShardsThatAreEmptyOrStandTwice) {
  directory.copy("shards/pictures-000000.tar", "found/pictures.tar");
  const auto error_with = [&](const char* names) {
    directory.write("found/classes.txt", names);
    return test::error_of([&] { packing::list_source(directory.path() + "/found", {}); });
  };
  EXPECT_THAT(error_with("angora\n\ntabby\n"),
              HasSubstr("/found/classes.txt':2 is empty; write the name of a class in each line"));
  EXPECT_THAT(error_with("angora\r\ntabby\r\nangora\r\n"),
              HasSubstr("/found/classes.txt':3 has 'angora' again; give each class a name of its own"));
  EXPECT_EQ(error_with("angora\ntabby\n\n\n"), "no error") << "empty lines at the end";
}

TEST_F(Packing, TakesPicturesWithoutClassesAsTheyAre) {
  const Source source = packing::list_source(photos() + "/cat", {});
  EXPECT_THAT(source.classes, IsEmpty());
  ASSERT_EQ(source.samples.size(), 20U);
  EXPECT_EQ(source.samples[0].key, "0");
  EXPECT_THAT(source.samples[0].files, SizeIs(1));
}

TEST_F(Packing, ListsRowsOfManifestsWithTheirTargets) {
  directory.write("list.csv",
                  "file,class,where,seg\nphotos/cat/0.jpg,tabby,\"[[1, 2.5, 3, 4]]\",photos/dog/1.jpg\n"
                  "photos/cat/2.jpg,angora,,photos/dog/3.jpg\nphotos/cat/2.jpg,angora,,photos/dog/3.jpg\n");
  ImageManifestOptions options;
  options.image = "file";
  options.label = "class";
  options.boxes = "where";
  options.mask = "seg";
  const Source source = packing::list_source(directory.path() + "/list.csv", options);
  EXPECT_THAT(source.classes, ElementsAre("angora", "tabby"));
  ASSERT_EQ(source.samples.size(), 3U);
  const auto first = source.samples[0];
  EXPECT_EQ(first.key, "photos/cat/0");
  ASSERT_THAT(first.files, SizeIs(4));
  EXPECT_EQ(first.files[1].text, "1");
  EXPECT_EQ(first.files[2].extension, "json");
  EXPECT_EQ(first.files[2].text, "{\"boxes\": [[1, 2.5, 3, 4]]}");
  EXPECT_EQ(first.files[3].extension, "mask.jpg");
  EXPECT_EQ(source.samples[1].files[2].text, "{\"boxes\": []}");
  EXPECT_EQ(source.samples[2].key, "photos/cat/2_2");
}

/// A gradient as a JPEG.
std::string jpeg_of(int height, int width) {
  std::vector<uint8_t> values(static_cast<size_t>(height) * static_cast<size_t>(width) * 3);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<uint8_t>(i * 255 / values.size());
  return packing::write_jpeg({values.data(), {height, width}, 3}, 90);
}

image::Size size_of(const std::string& picture) {
  return image::ImageDecoder().open(std::as_bytes(std::span(picture)), {});
}

TEST_F(Packing, MakesLargePicturesSmallerAndLeavesTheOthers) {
  fs::remove_all(photos());
  const std::string small = jpeg_of(20, 64);
  directory.write("photos/a/wide.jpg", jpeg_of(50, 100));
  directory.write("photos/a/tall.JPG", jpeg_of(300, 60));
  directory.write("photos/a/small.jpg", small);
  directory.write("photos/b/broken.jpg", "no picture");
  const Source source = packing::list_source(photos(), {});
  const auto packed = [&](const char* size, const std::string& folder) {
    const Plan plan =
        packing::make_plan(source.samples, directory.path() + "/" + folder, {.resize = packing::read_resize(size, 80)});
    return packing::pack(source, plan, {.workers = 1, .broken = BrokenSamples::kLeaveOut},
                         [](uint64_t) { return true; });
  };
  const PackReport report = packed("20", "short");
  EXPECT_EQ(report.samples(), 3U);
  ASSERT_THAT(report.broken, SizeIs(1));
  EXPECT_THAT(report.broken[0].why, AllOf(HasSubstr("photos/b/broken.jpg' smaller: "), HasSubstr("not an image")));
  auto samples = samples_in(packing::tar_files_at(directory.path() + "/short"));
  EXPECT_EQ(size_of(samples.at("a/wide").first), (image::Size{20, 40}));
  EXPECT_EQ(size_of(samples.at("a/tall").first), (image::Size{100, 20}));
  EXPECT_EQ(samples.at("a/small").first, small);
  EXPECT_EQ(packed("20", "short").shards_found, 1U);
  packed("30x32", "box");
  samples = samples_in(packing::tar_files_at(directory.path() + "/box"));
  EXPECT_EQ(size_of(samples.at("a/wide").first), (image::Size{16, 32}));
  EXPECT_EQ(size_of(samples.at("a/tall").first), (image::Size{30, 6}));
  EXPECT_EQ(size_of(samples.at("a/small").first), (image::Size{10, 32}));
  EXPECT_THAT(test::error_of([&] { packed("21", "short"); }), HasSubstr("is there and has other samples"));
  for (const char* size : {"", "0", "-1", "x", "1x", "x1", "1x1x1", "70000"})
    EXPECT_THAT(test::error_of<std::invalid_argument>([&] { packing::read_resize(size, 90); }),
                HasSubstr("is no size"));
}

TEST_F(Packing, MakesNoPictureSmallerThatHasASecondOne) {
  fs::remove_all(photos());
  directory.write("photos/cat/0.jpg", jpeg_of(50, 100));
  directory.write("list.csv", "path,mask\nphotos/cat/0.jpg,photos/cat/0.jpg\n");
  ImageManifestOptions options;
  options.label.clear();
  options.mask = "mask";
  const Source source = packing::list_source(directory.path() + "/list.csv", options);
  const Plan plan = packing::make_plan(source.samples, out(), {.resize = packing::read_resize("10", 90)});
  const PackReport report = packing::pack(source, plan, {.workers = 1}, [](uint64_t) { return true; });
  ASSERT_THAT(report.broken, SizeIs(1));
  EXPECT_THAT(report.broken[0].why, HasSubstr("it has several pictures"));
}

TEST_F(Packing, ShardsOfTinySamplesKeepTheirLargestSizeAndUseIt) {
  fs::remove_all(photos());
  for (int i = 0; i < 200; ++i) directory.write(name_of(i), std::to_string(i));
  const Source source = packing::list_source(photos(), {});
  const Plan plan = packing::make_plan(source.samples, out(), {.shard_bytes = 100'000});
  packing::pack(source, plan, {.workers = 2}, [](uint64_t) { return true; });
  const auto tars = packing::tar_files_at(out());
  ASSERT_THAT(tars, SizeIs(5));  // A sample takes 4 blocks, the end 2: 48 samples fit, and 50 would not.
  for (size_t i = 0; i < tars.size(); ++i)
    EXPECT_EQ(fs::file_size(tars[i]), (i < 4 ? 48 : 8) * 2048U + 1024) << tars[i];
}

/// The bytes of all files below a folder, by their paths.
std::map<std::string, std::string> files_below(const std::string& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) files[entry.path()] = text_of(entry.path());
  return files;
}

/// What is said about packing `from` into `to`, all that is there being allowed to be replaced.
std::string error_of_packing(const std::string& from, const std::string& to) {
  const Source source = packing::list_source(from, {});
  const Plan plan = packing::make_plan(source.samples, to, {.shard_samples = 5});
  return test::error_of([&] {
    packing::pack(source, plan, {.workers = 2, .others = OtherShards::kReplace}, [](uint64_t) { return true; });
  });
}

TEST_F(Packing, NeverReplacesTheShardsThatItReads) {
  pack();
  fs::create_directory_symlink(out(), directory.path() + "/link");
  directory.write("links/other", "");
  for (int i = 0; i < 4; ++i)
    fs::create_symlink(out() + "/shard-00000" + std::to_string(i) + ".tar",
                       directory.path() + "/links/part-" + std::to_string(i) + ".tar");
  const auto before = files_below(out());
  const std::string all = out() + "/shard-{000000..000003}.tar";
  const std::string linked = directory.path() + "/link", links = directory.path() + "/links";
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {out(), out()}, {all, out()}, {out(), linked}, {linked, out()}, {all, linked}, {links, out()}})
    EXPECT_THAT(error_of_packing(from, to),
                AllOf(HasSubstr("pack: the shards' folder '" + to + "'"), HasSubstr("which is packed"),
                      HasSubstr("take another folder for the shards")))
        << from;
  EXPECT_THAT(error_of_packing(all, out()), HasSubstr("has '" + out() + "/shard-000000.tar'"));
  EXPECT_EQ(files_below(out()), before);
}

TEST_F(Packing, RefusesWhatIsNoFolderInWords) {
  EXPECT_EQ(error_of_packing(photos(), "/dev/null"),
            "pack: '/dev/null' is no folder; name one for the shards, which is made where it is not there");
}

TEST_F(Packing, VerifiesShardsOfWhichOnlyTheIndexIsLeft) {
  pack();
  fs::remove(out() + "/shard-000002.tar");
  const auto shards = packing::shards_to_verify(out());
  ASSERT_THAT(shards, SizeIs(4));
  const auto report = packing::verify(shards, 2, [](size_t) {});
  ASSERT_THAT(report.damages, SizeIs(1));
  EXPECT_EQ(report.damages[0].tar, out() + "/shard-000002.tar");
  EXPECT_THAT(report.damages[0].what, HasSubstr("No such file"));
}

TEST_F(Packing, WritesNothingIntoTheFolderThatItReads) {
  fs::create_directory_symlink(photos(), directory.path() + "/link");
  const auto before = files_below(photos());
  EXPECT_THAT(error_of_packing(photos(), photos()),
              HasSubstr("folder '" + photos() + "' is '" + photos() + "', which"));
  for (const std::string& to : {photos() + "/shards", photos() + "/cat", directory.path() + "/link/shards"})
    EXPECT_THAT(error_of_packing(photos(), to), HasSubstr("folder '" + to + "' lies in '" + photos() + "', which"));
  EXPECT_THAT(error_of_packing(directory.path() + "/link", photos() + "/shards"), HasSubstr("' lies in '"));
  EXPECT_EQ(files_below(photos()), before);
  EXPECT_FALSE(fs::exists(photos() + "/shards"));
  // Beside the classes, or above them, is another folder.
  EXPECT_EQ(error_of_packing(photos(), directory.path() + "/photos2"), "no error");
  EXPECT_EQ(error_of_packing(photos(), directory.path()), "no error");
}

TEST_F(Packing, MakesOtherShardsOfShards) {
  pack();
  const Source source = packing::list_source(out(), {});
  const std::string other = directory.path() + "/other";
  const Plan plan = packing::make_plan(source.samples, other, {.shard_samples = 25});
  const PackReport report = packing::pack(source, plan, {.workers = 2}, [](uint64_t) { return true; });
  EXPECT_EQ(report.shards(), 2U);
  EXPECT_EQ(samples_in(packing::tar_files_at(other)), samples_in(packing::tar_files_at(out())));
}

}  // namespace
}  // namespace millrace::pack_test
