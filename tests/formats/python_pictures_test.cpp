// Pictures in files that Python wrote, by YAML.
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <string>

#include "millrace/configs/build.h"
#include "millrace/configs/document.h"
#include "millrace/loader/data_loader.h"
#include "millrace/loader/images/datasets/image_folder.h"
#include "millrace/tests/formats/python_files.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"

namespace millrace::python_pictures_test {
namespace {

constexpr const char* kTransforms = "transforms: [resize: {size: [24, 32]}]\nloader: {batch_size: 100";

// All samples of a dataset, those of a folder in the order of their paths.
Batch all_of(const test::Directory& folder, const std::string& dataset, int workers) {
  folder.write("run.yaml",
               "dataset: {" + dataset + "}\n" + kTransforms + ", num_workers: " + std::to_string(workers) + "}\n");
  const auto run = configs::load(folder.path() + "/run.yaml", {});
  return *configs::build_loader(run["loader"])->next();
}

TEST(PythonPictures, OfTfRecordsAreThoseOfTheFolderTheyWereMadeOf) {
  const test::Directory folder;
  if (!test::written_by_python("write_tfrecord.py", folder.path())) GTEST_SKIP() << test::kNoLibrary;
  const Batch expected = all_of(folder, "type: image_folder, root: " + test::data("photos"), 0);
  for (const int workers : {0, 2}) {
    const Batch batch =
        all_of(folder, "type: tfrecord_images, files: " + folder.path() + "/pictures.tfrecord", workers);
    EXPECT_TRUE(at::equal(batch.data(), expected.data()));
    EXPECT_TRUE(at::equal(batch.target(), expected.target()));
  }
}

TEST(PythonPictures, OfLmdbAreThoseOfTheFolderTheyWereMadeOf) {
  const test::Directory folder;
  if (!test::written_by_python("write_lmdb.py", folder.path())) GTEST_SKIP() << test::kNoLibrary;
  const Batch expected = all_of(folder, "type: image_folder, root: " + test::data("photos"), 0);
  for (const int workers : {0, 2}) {
    const Batch batch = all_of(folder, "type: lmdb_images, path: " + folder.path() + "/pictures.lmdb", workers);
    EXPECT_TRUE(at::equal(batch.data(), expected.data()));
  }
}

}  // namespace
}  // namespace millrace::python_pictures_test
