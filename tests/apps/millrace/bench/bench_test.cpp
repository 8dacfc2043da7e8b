// `millrace bench` as a user calls it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "millrace/apps/millrace/front/commands/workloads.h"
#include "millrace/sharing/os/processors.h"
#include "millrace/tests/samplers/pytorch_reference.h"
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
const std::string kShort = kRows + " --warmup 0.5 --window 0.05";
const std::string kTiny = kShort + " --repeats 2";

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

// --- datasets of planted_samples.cpp, in which something is slow or deadly ---

class BenchOfPlanted : public Bench {
 protected:
  // What a sample of type `planted` does, and how it is loaded.
  void plant(const std::string& dataset, const std::string& loader) const {
    folder_.write("planted.yaml", "libraries: ['" + test::built("tests/libplanted_samples.so") + "']\ndataset: {" +
                                      dataset + "}\nloader: {batch_size: 10, " + loader + "}\n");
  }

  // What `bench` finds. Several times where others use the processors for a while, until it is what is looked for.
  json breakdown_with(const std::string& bottleneck, const std::string& options = "") const {
    constexpr int kTimes = 4;
    json found;
    for (int i = 0; i < kTimes && (i == 0 || found["bottleneck"]["name"] != bottleneck); ++i)
      found =
          measured("planted.yaml --warmup 0 --repeats 1 " + (options.empty() ? "--window 0.5" : options))["breakdown"];
    return found;
  }
};

std::string largest_stage_of(const json& breakdown) {
  std::string largest;
  double most = 0;
  for (const auto& [name, stage] : breakdown["stages"].items())
    if (name != "wait" && stage["wall_s"].get<double>() > most) {
      largest = name;
      most = stage["wall_s"].get<double>();
    }
  return largest;
}

// The share of the workers' busy time in which they had no processor.
double lacking_of(const json& breakdown) {
  double busy_s = 0;
  for (const auto& worker : breakdown["workers"]) busy_s += worker["busy_s"].get<double>();
  return busy_s > 0 ? breakdown["wait_for_processor_s"].get<double>() / busy_s : 0;
}

// What is said first where others here use the processors all the time. What was planted shows in the figures all the
// same.
bool is_short_of_processors(const json& found, const std::string& planted) {
  return found["bottleneck"]["name"] == "no_processor" && lacking_of(found) >= 0.3 &&
         largest_stage_of(found) == planted;
}

// Whether it is that name, and not the want of processors in its place.
bool expect_bottleneck(const json& found, const std::string& name, const std::string& planted) {
  if (is_short_of_processors(found, planted)) return false;
  EXPECT_EQ(found["bottleneck"]["name"], name) << found;
  return true;
}

TEST_F(BenchOfPlanted, FindsSlowDecoding) {
  plant("type: planted, decode_us: 2000", "num_workers: " + std::to_string(processors().usable()));
  const auto found = breakdown_with("slow_decode");
  expect_bottleneck(found, "slow_decode", "decode");
  EXPECT_EQ(largest_stage_of(found), "decode");
}

TEST_F(BenchOfPlanted, FindsSlowStorage) {
  plant("type: planted, read_us: 10000", "num_workers: 2");
  expect_bottleneck(breakdown_with("slow_storage"), "slow_storage", "read");
}

TEST_F(BenchOfPlanted, FindsASlowConsumer) {
  plant("type: planted, decode_us: 10", "num_workers: 2");
  const auto found = breakdown_with("slow_consumer", "--window 0.5 --step-ms 50");
  EXPECT_EQ(found["bottleneck"]["name"], "slow_consumer") << found;
  EXPECT_NE(breakdown_with("")["bottleneck"]["name"], "slow_consumer") << "nobody but the step is slow";
}

TEST_F(BenchOfPlanted, FindsTooFewWorkers) {
  if (processors().usable() < 2) GTEST_SKIP() << "one processor, for which one worker is enough";
  plant("type: planted, decode_wait_us: 2000", "num_workers: 1");
  const auto found = breakdown_with("too_few_workers");
  if (!expect_bottleneck(found, "too_few_workers", "decode")) return;
  EXPECT_EQ(found["bottleneck"]["change"][0], "loader.num_workers: " + std::to_string(processors().usable()));
}

TEST_F(BenchOfPlanted, FindsOneSlowSampleInAThousand) {
  plant("type: planted, decode_us: 50, slow: 700, slow_us: 700000", "num_workers: 2");
  const auto found = breakdown_with("slow_samples", "--window 2");
  expect_bottleneck(found, "slow_samples", "decode");
  // Where a look at the clock is dear, a few samples as short as these are read between two looks.
  const auto& slowest = found["slowest_sample"];
  EXPECT_LE(slowest["index"].get<int64_t>(), 700);
  EXPECT_GT(slowest["index"].get<int64_t>() + slowest["samples"].get<int64_t>(), 700);
}

TEST_F(BenchOfPlanted, FindsStreamsThatAreFewerThanWorkers) {
  plant("type: planted_stream, read_us: 2000", "num_workers: 4, num_streams: 1");
  const auto found = breakdown_with("prefetch");
  if (!expect_bottleneck(found, "prefetch", "read")) return;
  EXPECT_THAT(found["bottleneck"]["change"][0].get<std::string>(), StartsWith("loader.num_streams: 8"));
}

TEST_F(BenchOfPlanted, CountsExactlyThoughWorkersDie) {
  plant("type: planted, samples: 100, deadly: 50, died: " + folder_.path() + "/died", "num_workers: 2");
  const auto check = measured("planted.yaml --batches 30")["check"];
  EXPECT_EQ(check["worker_deaths"], 2);
  EXPECT_EQ(check["batches"], 30);
  EXPECT_EQ(check["samples"], 300);
  EXPECT_EQ(check["bytes"], 300);
  EXPECT_EQ(check["skipped_samples"], 0);
}

TEST_F(BenchOfPlanted, TracesWorkersAndTrainer) {
  plant("type: planted, decode_wait_us: 1000", "num_workers: 2");
  const auto result =
      run("planted.yaml --warmup 0 --window 0.1 --repeats 1 --step-ms 5 --trace trace.json --html page.html");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json trace = json::parse(test::run_in(folder_.path(), "cat trace.json").out);
  std::set<std::string> rows, spans;
  for (const auto& event : trace["traceEvents"]) {
    if (event["ph"] == "M") rows.insert(event["args"]["name"]);
    if (event["ph"] == "X") spans.insert(event["name"]);
  }
  EXPECT_EQ(rows, (std::set<std::string>{"trainer", "worker 0", "worker 1"}));
  EXPECT_THAT(spans, testing::IsSupersetOf({"wait for data", "step", "decode"}));
  EXPECT_EQ(run("planted.yaml --trace trace.json --sweep loader.num_workers=1,2").exit_code, 2);
}

// --- ---

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

// What --save wrote, with other rates and another processor.
json slower_or_faster(json saved, double times) {
  for (auto& rate : saved["samples_per_s_of_windows"]) rate = times * rate.get<double>();
  saved["machine"]["processor"] = "abacus";
  return saved;
}

TEST_F(Bench, SavesAndCompares) {
  ASSERT_EQ(run(kShort + " --repeats 6 --save old.json").exit_code, 0);
  const json old = json::parse(test::run_in(folder_.path(), "cat old.json").out);
  EXPECT_EQ(old["samples_per_s_of_windows"].size(), 6U);

  folder_.write("fast.json", slower_or_faster(old, 1000).dump());
  const auto slower = run(kShort + " --repeats 6 --compare fast.json loader.prefetch=4");
  EXPECT_EQ(slower.exit_code, 4) << slower.err;
  EXPECT_THAT(slower.out, HasSubstr("Slower than fast.json: "));
  EXPECT_THAT(slower.out, ContainsRegex("not the same: processor was abacus, is .+"));
  EXPECT_THAT(slower.out, HasSubstr("not the same: loader.prefetch was 8, is 4"));

  folder_.write("slow.json", slower_or_faster(old, 0.001).dump());
  const auto faster = measured(kShort + " --repeats 6 --compare slow.json")["compared"];
  EXPECT_EQ(faster["verdict"], "faster");
  EXPECT_LT(faster["chance"], 0.01);
}

TEST_F(Bench, RefusesToCompareWithWhatIsNoMeasurement) {
  folder_.write("half.json", R"({"machine": {}, "settings": {}, "metrics": {}, "samples_per_s_of_windows": [1)");
  folder_.write("other.json", R"({"machine": 1})");
  folder_.write("empty.json", R"({"machine": {}, "settings": {}, "metrics": {}, "samples_per_s_of_windows": []})");
  folder_.write("zero.json", R"({"machine": {}, "settings": {}, "metrics": {}, "samples_per_s_of_windows": [0]})");
  for (const char* name : {"half.json", "other.json", "empty.json", "zero.json", "gone.json", "."}) {
    const auto result = run(kTiny + " --compare " + name);
    EXPECT_EQ(result.exit_code, 1) << name;
    EXPECT_THAT(result.err,
                StartsWith("millrace: '" + std::string(name) + "' is no measurement of millrace bench --save: "));
    EXPECT_THAT(result.err, testing::Not(HasSubstr("json.exception"))) << "is a library's word";
    EXPECT_EQ(result.out, "") << "nothing was measured";
  }
  EXPECT_THAT(run(kTiny + " --compare half.json").err,
              HasSubstr("it is not JSON, or was cut off; measure again with --save"));
  EXPECT_THAT(run(kTiny + " --compare .").err, HasSubstr("it is no file, name what --save wrote"));
}

TEST_F(Bench, SweepsAllCombinationsAndPrintsTheBestAsYaml) {
  const auto all = measured(kTiny + " --sweep loader.num_workers=0,1 loader.prefetch=2,4");
  ASSERT_EQ(all["sweep"].size(), 4U);
  EXPECT_EQ(all["sweep"][1]["overrides"], json({"loader.num_workers=0", "loader.prefetch=4"}));
  for (const auto& setting : all["sweep"]) EXPECT_EQ(setting["samples_per_s_of_windows"].size(), 2U);
  folder_.write("best.yaml", all["best"]["yaml"].get<std::string>() + "dataset: {type: rows, size: 64, width: 2}\n");
  EXPECT_EQ(run("best.yaml --batches 1").exit_code, 0) << all["best"]["yaml"];
}

TEST_F(Bench, TellsOfEachRoundOfASweepItsOwnRate) {
  const auto ended = run(kTiny + " --json --sweep loader.prefetch=2");
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  const auto setting = json::parse(ended.out)["sweep"][0];
  for (size_t round = 0; round < 2; ++round) {
    const double rate = setting["samples_per_s_of_windows"][round];
    char text[32];
    std::snprintf(text, sizeof text, rate >= 1000 ? "%.0f" : "%.4g", rate);
    EXPECT_THAT(ended.err,
                HasSubstr("round " + std::to_string(round + 1) + "/2, loader.prefetch=2: " + text + " samples/s\n"));
  }
}

TEST_F(Bench, PrintsWhatASweepSetsInAListAsTheWholeList) {
  folder_.write("jpegs.yaml",
                "dataset: {type: noise_jpegs, size: 8, different: 2, width: 64, height: 48}\n"
                "transforms: [random_resized_crop: {size: 16}, random_horizontal_flip]\nloader: {batch_size: 4}\n");
  const std::string sweep = " --warmup 0 --window 0.05 --repeats 1 --sweep loader.prefetch=3 ";
  for (const char* setting : {"transforms.0.random_resized_crop.size=8", "transforms.random_resized_crop.size=8",
                              "transforms.random_horizontal_flip.p=0.25", "transforms+=random_vertical_flip",
                              "+transforms.0=random_vertical_flip", "dataset.width=32"}) {
    const std::string yaml = measured("jpegs.yaml" + sweep + setting)["best"]["yaml"];
    folder_.write("best.yaml", yaml);
    folder_.write("pasted.yaml", "include: [jpegs.yaml, best.yaml]\n");
    const auto pasted = json::parse(run("pasted.yaml --print-config --json").out);
    const auto meant =
        json::parse(run("jpegs.yaml --print-config --json loader.prefetch=3 " + std::string(setting)).out);
    EXPECT_EQ(pasted["settings"], meant["settings"]) << setting << ":\n" << yaml;
  }
}

TEST_F(Bench, ReadsAllSettingsOfASweepBeforeItMeasures) {
  const auto wrong = run(kTiny + " --sweep loader.num_workers=1,many");
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("loader.num_workers"));
  EXPECT_THAT(wrong.err, testing::Not(HasSubstr("round")));
  EXPECT_EQ(run(kTiny + " --sweep loader.num_workers").exit_code, 2);
  EXPECT_EQ(run(kTiny + " --compare old.json --sweep loader.num_workers=1").exit_code, 2);
}

TEST_F(Bench, OpensAllDatasetsOfASweepBeforeItMeasures) {
  folder_.copy("formats/rgb.png", "photos/cat/1.png");
  folder_.write("photos.yaml",
                "dataset: {type: image_folder, root: photos}\ntransforms: [resize: {size: [8, 8]}]\n"
                "loader: {batch_size: 1}\n");
  const auto wrong = run("photos.yaml --warmup 0 --window 0.05 --repeats 1 --sweep dataset.root=photos,gone");
  EXPECT_NE(wrong.exit_code, 0);
  EXPECT_THAT(wrong.err, HasSubstr("gone"));
  EXPECT_THAT(wrong.err, testing::Not(HasSubstr("round")));
}

TEST_F(Bench, TriesItsFilesBeforeItMeasures) {
  for (const char* option : {"--save", "--html", "--trace"}) {
    const auto result = run(kTiny + " " + option + " nowhere/file");
    EXPECT_EQ(result.exit_code, 1) << option;
    EXPECT_THAT(result.err,
                HasSubstr("cannot write 'nowhere/file': No such file or directory; make the folder 'nowhere' first"))
        << option;
    EXPECT_THAT(result.err, testing::Not(HasSubstr("window"))) << option;
    EXPECT_THAT(run(kTiny + " " + option + " .").err, HasSubstr("cannot write '.': Is a directory; name a file"));
  }
}

TEST_F(Bench, RefusesCountsThatNoNumberHolds) {
  for (const char* wrong : {"--repeats 99999999999999999999", "--batches 1e30", "--repeats 2.5", "--repeats 0",
                            "--make-data unet3d-h100 --files 99999999999999999999"}) {
    const auto result = run(kTiny + " " + wrong);
    EXPECT_EQ(result.exit_code, 2) << wrong;
    EXPECT_THAT(result.err, HasSubstr("expected a number that is whole, from 1 to 1000000000, found ")) << wrong;
  }
}

TEST_F(Bench, SaysOfFewWindowsThatTheyCannotTell) {
  ASSERT_EQ(run(kTiny + " --save old.json").exit_code, 0);
  const auto result = run(kTiny + " --compare old.json");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr("So few windows cannot tell a difference from old.json from chance"));
  EXPECT_EQ(measured(kTiny + " --compare old.json")["compared"]["verdict"], "too_few_windows");
}

TEST_F(Bench, SaysWhetherALoaderIsFastEnough) {
  // A table in memory gives batches in microseconds.
  const auto enough = measured(kTiny + " --step-ms 20")["step"];
  EXPECT_EQ(enough["enough"], true) << enough;
  EXPECT_GT(enough["accelerators"], 1);
  EXPECT_NEAR(enough["au"].get<double>() + enough["wait_share"].get<double>(), 1, 0.2);
  EXPECT_EQ(enough["batch_size"], 64);
  // One batch of 154 MB takes milliseconds, the step of the accelerator next to nothing.
  const auto result = run(shipped("bench_big") + " --warmup 0 --window 0.2 --repeats 2 --step-ms 0.001");
  EXPECT_THAT(result.out, HasSubstr("Not fast enough: the accelerator is at work for "));
  EXPECT_THAT(result.out, ContainsRegex("accelerators that this host feeds +0 "));
}

// Two classes of photos in photos/, and a configuration that PyTorch's DataLoader has a counterpart for.
void write_photos(const test::Directory& folder) {
  for (const char* name : {"dress", "hat"})
    for (const auto& entry : std::filesystem::directory_iterator(test::data("photos/") + name))
      folder.copy("photos/" + std::string(name) + "/" + entry.path().filename().string(),
                  "photos/" + std::string(name) + "/" + entry.path().filename().string());
  folder.write("photos.yaml",
               "dataset: {type: image_folder, root: photos}\n"
               "transforms: [random_resized_crop: {size: 32}, random_horizontal_flip]\n"
               "sampler: random\nloader: {batch_size: 4, num_workers: 1, drop_last: true}\n");
}

TEST_F(Bench, TrainsTheModelForItsStep) {
  write_photos(folder_);
  folder_.write("train.yaml",
                "dataset: {type: image_folder, root: photos}\ntransforms: [resize: {size: [16, 16]}]\n"
                "loader: {batch_size: 2, num_workers: 1}\nmodel: {type: small_cnn, widths: [4]}\ndevice: cpu\n"
                "gradients: {accumulate: 2}\nmix: {mixup: 0.2}\nema: {decay: 0.9}\n");
  const auto step = measured("train.yaml --warmup 0 --window 0.1 --repeats 1 --step auto")["step"];
  EXPECT_EQ(step["workload"], "small_cnn on cpu");
  EXPECT_GT(step["step_ms"], 0);
  EXPECT_GT(step["au"], 0);
  EXPECT_LE(step["au"], 1);
  EXPECT_NEAR(step["au"].get<double>() + step["wait_share"].get<double>(), 1, 1e-9) << "of one window";
  EXPECT_EQ(step["enough"].get<bool>(), step["au"].get<double>() >= step["au_wanted"].get<double>());
  EXPECT_FALSE(step.contains("accelerators")) << "loader and model share the processors";
  EXPECT_LE(step["batch_size"], 2);
  EXPECT_FALSE(std::filesystem::exists(folder_.path() + "/runs")) << "nothing is kept";
}

TEST_F(Bench, AsksForAModelWhereItsStepIsToBeMeasured) {
  const auto result = run(kTiny + " --step auto");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("--step auto trains the configuration's model, and it names none; add model: "));
  EXPECT_THAT(result.err, testing::Not(HasSubstr("window"))) << "nothing was measured";
  EXPECT_EQ(run(kTiny + " model=small_cnn --step auto").exit_code, 2) << "which is for pictures";
  EXPECT_EQ(run(kTiny + " --step auto --step-ms 5").exit_code, 2);
  EXPECT_EQ(run(kTiny + " --step 5").exit_code, 2);
}

TEST(Workloads, AreThosePublished) {
  struct Published {
    std::string name;
    int64_t batch_size;
    double bytes, deviation, step_ms, utilisation;
  };
  for (const Published& published : {Published{"resnet50-h100", 400, 114'660, 0, 224, 0.90},
                                     Published{"unet3d-h100", 7, 146'600'628, 68'341'808, 323, 0.90},
                                     Published{"cosmoflow-h100", 1, 2'828'486, 71'311, 3.5, 0.70},
                                     Published{"retinanet-h100", 16, 153'600, 51'200, 180, 0.85}}) {
    const auto* workload = apps::find_workload(published.name);
    ASSERT_NE(workload, nullptr) << published.name;
    EXPECT_EQ(workload->batch_size, published.batch_size) << published.name;
    EXPECT_EQ(workload->sample_bytes, published.bytes) << published.name;
    EXPECT_EQ(workload->deviation_bytes, published.deviation) << published.name;
    EXPECT_EQ(workload->step_ms, published.step_ms) << published.name;
    EXPECT_EQ(workload->utilisation, published.utilisation) << published.name;
  }
}

TEST_F(Bench, MakesTheDataOfEachWorkloadAndMeasuresIt) {
  struct Made {
    std::string name;
    std::string options;
    int64_t batch_size;
    double step_ms;
    double utilisation;
    int64_t bytes;  // Of a sample in memory.
  };
  for (const Made& made :
       {Made{"resnet50-h100", "", 400, 224, 0.90, 1000}, Made{"unet3d-h100", "--files 3", 7, 323, 0.90, 2097152},
        Made{"cosmoflow-h100", "--files 4", 1, 3.5, 0.70, 0}, Made{"retinanet-h100", "--files 4", 16, 180, 0.85, 0}}) {
    SCOPED_TRACE(made.name);
    const std::string size = made.name == "retinanet-h100" ? "20000" : "1000";
    const auto written =
        run("--make-data " + made.name + " " + made.name + " --sample-bytes " + size + " " + made.options);
    ASSERT_EQ(written.exit_code, 0) << written.err;
    EXPECT_THAT(written.out, HasSubstr("measure with: millrace bench --workload " + made.name + " " + made.name));
    const auto all = measured("--workload " + made.name + " " + made.name + " --warmup 0 --window 0.05 --repeats 2");
    EXPECT_EQ(all["step"]["workload"], made.name);
    EXPECT_EQ(all["step"]["batch_size"], made.batch_size);
    EXPECT_DOUBLE_EQ(all["step"]["step_ms"].get<double>(), made.step_ms);
    EXPECT_EQ(all["step"]["au_wanted"], made.utilisation);
    const double bytes = all["check"]["bytes_per_batch"];
    if (made.bytes > 0) {
      EXPECT_EQ(bytes, made.batch_size * made.bytes);
    }
    EXPECT_EQ(run("--workload " + made.name + " " + made.name + " loader.batch_size=2").exit_code, 2);
  }
}

TEST_F(Bench, SaysThatADatasetIsEmpty) {
  folder_.write("empty.yaml", "dataset: {type: npy, paths: [" + test::data("npy/no_rows.npy") +
                                  "]}\nloader: {batch_size: 4, drop_last: true}\n");
  const auto result = run("empty.yaml --batches 1");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("dataset: it has no samples; name files"));
}

TEST_F(Bench, MakesTheSameDataAgain) {
  ASSERT_EQ(run("--make-data cosmoflow-h100 one --files 2 --sample-bytes 500").exit_code, 0);
  ASSERT_EQ(run("--make-data cosmoflow-h100 two --files 2 --sample-bytes 500").exit_code, 0);
  EXPECT_EQ(test::run_in(folder_.path(), "diff -r one/data two/data").exit_code, 0);
  EXPECT_NE(test::run_in(folder_.path(), "cmp one/data/part-00000.tfrecord one/data/part-00001.tfrecord").exit_code, 0);
}

TEST_F(Bench, MakesFewerFilesInPlaceOfThoseOfBefore) {
  const std::string make = "--sample-bytes 20000 --make-data ";
  for (const char* workload : {"retinanet-h100", "unet3d-h100", "cosmoflow-h100"}) {
    ASSERT_EQ(run(make + workload + " data --files 5").exit_code, 0) << workload;
    ASSERT_EQ(run("--batches 2 data").exit_code, 0) << "which writes indexes beside files";
    ASSERT_EQ(run(make + workload + " data/ --files 2").exit_code, 0) << workload << ", by another path";
    std::set<std::string> parts;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path() + "/data/data"))
      parts.insert(entry.path().stem());
    EXPECT_THAT(parts, testing::ElementsAre("part-00000", "part-00001"));
  }
}

TEST_F(Bench, ReplacesNothingThatItHasNotMade) {
  const std::string make = "--files 1 --sample-bytes 500 --make-data cosmoflow-h100 ";
  const std::string mine = "dataset: {type: filled, size: 8}\nloader: {batch_size: 4}\n";
  const auto refused = [&](const std::string& file, const std::string& why) {
    const auto result = run(make + "mine");
    EXPECT_EQ(result.exit_code, 1) << file;
    EXPECT_THAT(result.err, HasSubstr("has " + why)) << file;
    EXPECT_THAT(result.err, HasSubstr("; take another folder, or remove what is in this one")) << file;
    EXPECT_EQ(test::run_in(folder_.path(), "cat mine/" + file).out, mine) << file;
    std::filesystem::remove_all(folder_.path() + "/mine");
  };
  folder_.write("mine/bench.yaml", mine);
  refused("bench.yaml", "a 'bench.yaml' that is not as it would write it");
  folder_.write("mine/notes.txt", mine);
  refused("notes.txt", "'notes.txt', which it did not write");
  folder_.write("mine/data/photo.jpg", mine);
  refused("data/photo.jpg", "'data/photo.jpg', which it did not write");
  folder_.write("mine/data/part-00000.jpg", mine);
  refused("data/part-00000.jpg", "data without the bench.yaml that it wrote");
  folder_.write("mine/data/part-00000.jpg.17.tmp", mine);
  refused("data/part-00000.jpg.17.tmp", "data without the bench.yaml that it wrote");
  folder_.write("mine/data/photo.jpg.17.tmp", mine);
  refused("data/photo.jpg.17.tmp", "'data/photo.jpg.17.tmp', which it did not write");
  ASSERT_EQ(run(make + "mine").exit_code, 0);
  folder_.write("mine/bench.yaml", mine);
  refused("bench.yaml", "a 'bench.yaml' that is not as it would write it");
}

TEST_F(Bench, SaysThatAFileIsWhereItsDataWouldBe) {
  folder_.write("file", "mine");
  const std::string make = "--files 1 --sample-bytes 500 --make-data cosmoflow-h100 ";
  const auto file = run(make + "file"), below = run(make + "file/data");
  EXPECT_EQ(file.exit_code, 1);
  EXPECT_THAT(
      file.err,
      ContainsRegex("^millrace: --make-data: '.*/file' is a file, where a folder would be; name another place\n$"));
  EXPECT_THAT(below.err, HasSubstr("/file' is a file, where the folder "));
  folder_.write("other/data", "mine");
  EXPECT_THAT(run(make + "other").err, HasSubstr("has a file 'data', which it did not write"));
  folder_.write("volumes.yaml", "dataset: {type: volumes, root: gone, bytes: 8}\n");
  EXPECT_THAT(run("volumes.yaml --batches 1").err,
              HasSubstr("the folder 'gone' cannot be read: No such file or directory"));
}

TEST_F(Bench, SaysInJsonWhatDataItMade) {
  const auto made = measured("--make-data resnet50-h100 data --sample-bytes 100 --files 2");
  EXPECT_EQ(made, json({{"workload", "resnet50-h100"},
                        {"folder", "data"},
                        {"config", "data/bench.yaml"},
                        {"files", 2},
                        {"samples", 2502}}));
}

TEST_F(Bench, RefusesDataThatTheDiskHasNoRoomFor) {
  const auto result = run("--make-data unet3d-h100 data --files 100000000");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("MB free, and the data takes "));
  EXPECT_EQ(run("--make-data resnet51 data").exit_code, 2);
  EXPECT_EQ(run("--files 3 " + kTiny).exit_code, 2) << "is for --make-data";
}

TEST_F(Bench, MeasuresSyntheticDataOfManyKinds) {
  folder_.write("jpegs.yaml",
                "dataset: {type: noise_jpegs, size: 8, different: 2, width: 64, height: 48, entropy: 0.3}\n"
                "transforms: [random_resized_crop: {size: 16}]\nloader: {batch_size: 4, num_workers: 1}\n");
  EXPECT_EQ(measured("jpegs.yaml --batches 2")["check"]["bytes_per_batch"], 4 * 3 * 16 * 16);
  folder_.write("dict.yaml",
                "dataset: {type: filled, size: 8, fields: 20, dtype: int64, shape: [3]}\nloader: {batch_size: 4}\n");
  EXPECT_EQ(measured("dict.yaml --batches 2")["check"]["bytes_per_batch"], 4 * 20 * 3 * 8);
  const auto wrong = run("jpegs.yaml --batches 2 dataset.entropy=2");
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("dataset.entropy"));
}

TEST_F(Bench, RefusesByNameWhatPythonHasNoCounterpartFor) {
  write_photos(folder_);
  const std::string bench = "photos.yaml --peer python --warmup 0 --window 0.05 --repeats 1 ";
  for (const auto& [setting, named] : std::vector<std::pair<std::string, std::string>>{
           {"loader.on_error=skip", "loader.on_error"},
           {"dataset.mode=gray", "dataset.mode"},
           {"'transforms=[resize: {size: 32, interpolation: nearest}]'", "transforms.0.resize.interpolation"},
           {"'transforms+={color_jitter: {brightness: 0.5}}'", "transforms.2"},
           {"'sampler={type: random, replacement: true}'", "sampler.replacement"}}) {
    const auto result = run(bench + setting);
    EXPECT_EQ(result.exit_code, 2) << setting << result.err;
    EXPECT_THAT(result.err, HasSubstr(named + ": --peer python cannot mirror this")) << setting;
    EXPECT_THAT(result.err, testing::Not(HasSubstr("window"))) << "nothing was measured";
  }
  EXPECT_EQ(run(kTiny + " --peer python").exit_code, 2) << "a table in memory is no image_folder";
}

TEST_F(Bench, MeasuresPyTorchBesideIt) {
  if (test::detail::output_of(test::python() + " -c 'import torch, torchvision' 2>&1").first != 0)
    GTEST_SKIP() << "no torch with torchvision: scripts/setup --live installs them";
  write_photos(folder_);
  const auto all = measured("photos.yaml --peer python --warmup 0.1 --window 0.1 --repeats 2");
  EXPECT_EQ(all["peer"]["bytes_per_batch"], all["check"]["bytes_per_batch"]);
  EXPECT_EQ(all["peer"]["samples_per_s_of_windows"].size(), 2U);
  EXPECT_GT(all["peer"]["times"], 0);
  EXPECT_THAT(all["peer"]["versions"].get<std::string>(), HasSubstr("torchvision "));
}

TEST_F(Bench, DoesNotWaitForProcessesThatPythonLeavesBehind) {
  write_photos(folder_);
  folder_.write("python",
                "#!/bin/sh\nsleep 600 &\necho $! >left\n"
                "echo '{\"rates\": [2.5], \"first_batch_s\": 1, \"bytes_per_batch\": 1, \"versions\": \"none\"}'\n");
  const auto result = test::run_in(
      folder_.path(), "chmod +x python; MILLRACE_PYTHON=./python timeout 60 '" + test::built("apps/millrace") +
                          "' bench photos.yaml --peer python --warmup 0 --window 0.01 --repeats 1; code=$?; "
                          "kill $(cat left); exit $code");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("PyTorch's DataLoader (none) gives 2.5"));
}

TEST_F(Bench, TakesNothingThatPythonPrintsForItsEnd) {
  write_photos(folder_);
  folder_.write("python",
                "#!/bin/sh\necho; echo 'ended with 1'\n"
                "echo '{\"rates\": [2.5], \"first_batch_s\": 1, \"bytes_per_batch\": 1, \"versions\": \"none\"}'\n"
                "echo; echo 'ended with 1'\n");
  const auto result =
      test::run_in(folder_.path(), "chmod +x python; MILLRACE_PYTHON=./python '" + test::built("apps/millrace") +
                                       "' bench photos.yaml --peer python --warmup 0 --window 0.01 "
                                       "--repeats 1");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("PyTorch's DataLoader (none) gives 2.5"));
}

TEST_F(Bench, SaysWhyPythonMeasuredNothing) {
  write_photos(folder_);
  const auto result = test::run_in(folder_.path(), "MILLRACE_PYTHON=/nonexistent '" + test::built("apps/millrace") +
                                                       "' bench photos.yaml --peer python --warmup 0 --window 0.01");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("'/nonexistent' (MILLRACE_PYTHON) measured nothing"));
}

}  // namespace
}  // namespace millrace::bench_test
