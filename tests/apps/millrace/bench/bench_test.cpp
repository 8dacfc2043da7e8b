// `millrace bench` as a user calls it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "millrace/sharing/os/processors.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/shell.h"

namespace millrace::bench_test {
namespace {

using nlohmann::json;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::StartsWith;

class Bench : public testing::Test {
 protected:
  test::Ended run(const std::string& arguments) const {
    return test::run_in(folder_.path(), "'" + test::built("apps/millrace") + "' bench " + arguments);
  }

  // What it prints with --json.
  json measured(const std::string& arguments) const {
    const auto result = run(arguments + " --json");
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return json::parse(result.out);
  }

  const test::Directory folder_;
};

std::string shipped(const std::string& name) { return test::source("configs/") + name + ".yaml"; }

// A table of 256 rows, quickly: four batches an epoch.
const std::string kRows = shipped("bench_tiny") + " dataset.size=256";
const std::string kTiny = kRows + " --warmup 0.5 --window 0.05 --repeats 2";

TEST_F(Bench, PrintsMeasurementsAsJson) {
  const auto all = measured(kTiny);
  for (const char* name :
       {"samples_per_s", "mb_per_s", "us_per_batch", "ms_per_batch", "next_us_p50", "next_us_p90", "next_us_p99",
        "next_us_max", "epoch_gap_us", "workers_ready_ms", "first_batch_ms", "workers_pss_mb", "trainer_pss_mb"})
    EXPECT_GT(all["metrics"].value(name, 0.0), 0.0) << name;
  for (const char* name : {"cpu_us_per_sample", "processors_busy", "wait_share"})
    EXPECT_GE(all["metrics"].value(name, -1.0), 0.0) << name;
  EXPECT_EQ(all["samples_per_s_of_windows"].size(), 2U);
  EXPECT_LE(all["spread"]["min"], all["spread"]["max"]);
  EXPECT_FALSE(all["machine"]["processor"].get<std::string>().empty());
  EXPECT_EQ(all["settings"]["dataset.size"], "256");
}

TEST_F(Bench, CountsWhatItTakesExactly) {
  const auto all = measured(kRows + " --batches 10");
  EXPECT_EQ(all["check"]["batches"], 10);
  EXPECT_EQ(all["check"]["samples"], 10 * 64);
  EXPECT_EQ(all["check"]["bytes"], 10 * 64 * (16 * 4 + 8));
  EXPECT_EQ(all["check"]["epochs"], 2) << "each has four batches";
  EXPECT_EQ(all["check"]["bytes_per_batch"], 64 * (16 * 4 + 8));
  EXPECT_EQ(all["check"]["workers"], 1);
  EXPECT_EQ(all["check"]["worker_deaths"], 0);
  EXPECT_EQ(all["check"]["skipped_samples"], 0);
  uint64_t calls = 0;
  for (const auto& bucket : all["next_us"]) calls += bucket[1].get<uint64_t>();
  EXPECT_EQ(calls, 9) << "the first batch is told by itself";
}

TEST_F(Bench, SaysWhereTheWorkersTimeGoes) {
  const auto breakdown = measured(kTiny)["breakdown"];
  EXPECT_EQ(breakdown["workers"].size(), 1U);
  EXPECT_GT(breakdown["samples"].get<uint64_t>(), 0U);
  double sum = 0;
  for (const auto& stage : breakdown["stages"]) sum += stage["wall_s"].get<double>();
  EXPECT_NEAR(sum, breakdown["workers"][0]["busy_s"].get<double>() + breakdown["workers"][0]["wait_s"].get<double>(),
              1e-6);
  EXPECT_FALSE(breakdown["bottleneck"]["why"].get<std::string>().empty());
  const auto result = run(kTiny);
  EXPECT_THAT(result.out, ContainsRegex("hand_over +[0-9.]+"));
  EXPECT_THAT(result.out, ContainsRegex("measured by .* looks a sample at the clock"));
  EXPECT_THAT(result.out, ContainsRegex("bottleneck: [a-z_]+: "));
}

// The worked case of docs/why_slow.md.
TEST_F(Bench, NamesThatNobodyReadsBesideTheTrainer) {
  if (processors().usable() < 2) GTEST_SKIP() << "one processor, which the trainer has";
  const std::string photos =
      shipped("bench_photos") + " dataset.root='" + test::data("photos") + "' loader.batch_size=2";
  const auto slow = measured(photos + " loader.num_workers=0 --warmup 0.2 --window 0.2 --repeats 2")["breakdown"];
  EXPECT_EQ(slow["bottleneck"]["name"], "no_workers") << slow["bottleneck"];
  const std::string change = slow["bottleneck"]["change"][0];
  ASSERT_THAT(change, StartsWith("loader.num_workers: "));
  const std::string workers = change.substr(change.rfind(' ') + 1);
  const auto cured =
      measured(photos + " loader.num_workers=" + workers + " --warmup 0.2 --window 0.2 --repeats 2")["breakdown"];
  EXPECT_EQ(cured["workers"].size(), std::stoul(workers));
  EXPECT_NE(cured["bottleneck"]["name"], "no_workers") << cured["bottleneck"];
  EXPECT_GT(cured["stages"]["decode"]["calls"], 0);
  EXPECT_GT(cured["stages"]["read"]["bytes"], 0);
}

TEST_F(Bench, SaysWhatEachNumberMeans) {
  const auto result = run(kTiny);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, StartsWith("samples/s "));
  EXPECT_THAT(result.out, HasSubstr("the median of 2 windows of "));
  EXPECT_THAT(result.out, ContainsRegex("us in next\\(\\), 90th percentile +[0-9.]+  one in ten was longer"));
  EXPECT_THAT(result.err, HasSubstr("window 2/2: "));
}

TEST_F(Bench, SaysOfAFewBatchesWhatTheyTook) {
  const auto three = run(kRows + " --batches 3");
  EXPECT_EQ(three.exit_code, 0) << three.err;
  EXPECT_THAT(three.out, ContainsRegex("samples/s +[0-9.]+  of one window of .* s, 2 batches"));
  EXPECT_THAT(three.out, HasSubstr("One window says nothing of how much such numbers differ"));
  const auto one = run(kRows + " --batches 1");
  EXPECT_THAT(one.out, StartsWith("ms until all workers were ready "));
  EXPECT_THAT(one.out, HasSubstr("One batch says how long the first one takes"));
}

TEST_F(Bench, ReadsEveryByteWhenItIsAskedFor) {
  const auto checksum = [&](const std::string& dataset) {
    return measured(shipped("bench_big") + " --batches 20 " + dataset)["check"]["checksum"].get<int64_t>();
  };
  // Batches of samples 0 and 1, and a sample is 48 words that hold its number.
  EXPECT_EQ(checksum("dataset.size=2 loader.batch_size=2 dataset.shape=[3,4,4] dataset.dtype=int64"), 20 * 48);
  // Batches of three bytes, 0, 1 and 2: less than a word.
  EXPECT_EQ(checksum("dataset.size=3 loader.batch_size=3 dataset.shape=[1] dataset.dtype=uint8"), 20 * 3);
}

TEST_F(Bench, CountsTextsAsTheTrainerGetsThem) {
  folder_.write("a.txt", "12345");
  ASSERT_EQ(test::run_in(folder_.path(), "tar cf texts.tar a.txt").exit_code, 0);
  folder_.write("texts.yaml", "dataset: {type: tar_shards, shards: texts.tar}\nbench: {read: all}\n");
  const auto all = measured("texts.yaml --batches 2");
  EXPECT_EQ(all["check"]["samples"], 2);
  EXPECT_GE(all["check"]["bytes"], 2 * 5);
  EXPECT_GE(all["check"]["checksum"], 2 * ('1' + '2' + '3' + '4' + '5'));
}

TEST_F(Bench, EndsWhenNoSampleCanBeRead) {
  for (const char* name : {"hat", "dress"})
    folder_.write("photos/" + std::string(name) + "/0.jpg", "<html>gone</html>");
  folder_.write("photos.yaml",
                "dataset: {type: image_folder, root: photos}\ntransforms: [random_resized_crop: {size: 16}]\n");
  const auto result = run("photos.yaml --batches 2 loader.on_error=skip");
  EXPECT_EQ(result.exit_code, 1) << result.out;
  EXPECT_THAT(result.err, HasSubstr("an epoch had no sample: none could be read, "));
}

}  // namespace
}  // namespace millrace::bench_test
