// HDF5 files in a build without libhdf5, of which this program is one: it is compiled with hdf5_file_absent.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "millrace/formats/hdf5_dataset.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/error_of.h"

namespace millrace::hdf5_absent_test {
namespace {

using test::error_of;
using ::testing::StartsWith;

TEST(Hdf5WithoutLibhdf5, IsAnErrorThatSaysWhatToInstall) {
  const test::Directory folder;
  folder.write("x.h5", "\x89HDF\r\n\x1a\n");
  const std::string path = folder.path() + "/x.h5";
  EXPECT_EQ(error_of([&] { Hdf5Dataset dataset(path); }),
            "hdf5: '" + path +
                "' needs libhdf5, which this build of Millrace is without: install libhdf5-dev, configure with "
                "-DMILLRACE_WITH_HDF5=ON and build again");
}

TEST(Hdf5WithoutLibhdf5, SaysFirstThatThereIsNoSuchFile) {
  const test::Directory folder;
  EXPECT_THAT(error_of([&] { Hdf5Dataset dataset(folder.path() + "/no.h5"); }), StartsWith("hdf5: cannot read '"));
}

}  // namespace
}  // namespace millrace::hdf5_absent_test
