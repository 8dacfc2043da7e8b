#include "millrace/apps/millrace/bench/noise_jpeg.h"

#include <gtest/gtest.h>

#include <span>
#include <stdexcept>

#include "millrace/apps/millrace/bench/npz_writer.h"
#include "millrace/formats/npz.h"
#include "millrace/loader/images/decode.h"
#include "millrace/tests/samplers/pytorch_reference.h"
#include "millrace/tests/support/directory.h"

namespace millrace::noise_jpeg_test {
namespace {

TEST(NoiseJpeg, IsLargerTheMoreNoiseThereIs) {
  const auto smooth = apps::noise_jpeg(256, 192, 0, 1), half = apps::noise_jpeg(256, 192, 0.5, 1);
  EXPECT_LT(2 * smooth.size(), half.size());
  EXPECT_LT(half.size(), apps::noise_jpeg(256, 192, 1, 1).size());
  EXPECT_EQ(half, apps::noise_jpeg(256, 192, 0.5, 1));
  EXPECT_NE(half, apps::noise_jpeg(256, 192, 0.5, 2));
}

TEST(NoiseJpeg, HasTheSizeThatIsAskedFor) {
  for (const size_t bytes : {1024, 5000, 20'000, 153'600, 400'001}) {
    const auto jpeg = apps::noise_jpeg_of_size(bytes, 7);
    EXPECT_EQ(jpeg.size(), bytes);
    EXPECT_EQ(jpeg.substr(0, 3), "\xFF\xD8\xFF");
    EXPECT_EQ(jpeg.substr(bytes - 2), "\xFF\xD9");
  }
  EXPECT_THROW(apps::noise_jpeg_of_size(100, 7), std::invalid_argument);
}

TEST(NpzWriter, WritesWhatNumpyAndMillraceRead) {
  const std::string bytes = "abcdef";
  const test::Directory folder;
  folder.write("two.npz", apps::npz_of({{"x", "|u1", {3, 2, 1}, bytes}, {"y", "<i8", {3}, std::string(24, '\0')}}));
  const auto dataset = npz_dataset(folder.path() + "/two.npz");
  EXPECT_EQ(dataset.size(), 3U);
  EXPECT_EQ(to_string(dataset.spec()), "x: Byte [2, 1], y: Long []");
  const auto [status, told] = test::detail::output_of(
      test::python() + " -c 'import sys, numpy; a = numpy.load(sys.argv[1]); print(a[\"x\"].tobytes(), a[\"y\"])' '" +
      folder.path() + "/two.npz' 2>&1");
  if (status != 0) GTEST_SKIP() << "no numpy: scripts/setup --live installs it";
  EXPECT_EQ(told, "b'abcdef' [0 0 0]\n");
}

}  // namespace
}  // namespace millrace::noise_jpeg_test
