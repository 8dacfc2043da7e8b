#include <sys/statvfs.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>
#include <numbers>
#include <stdexcept>
#include <string>

#include "millrace/apps/millrace/bench/data_folder.h"
#include "millrace/apps/millrace/bench/noise_jpeg.h"
#include "millrace/apps/millrace/bench/npz_writer.h"
#include "millrace/apps/millrace/bench/volumes.h"
#include "millrace/apps/millrace/commands.h"
#include "millrace/apps/millrace/front/commands/workloads.h"
#include "millrace/loader/sample_rng.h"
#include "millrace/records/protobuf.h"
#include "millrace/records/tf_record.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/shell_word.h"

namespace millrace::apps {
namespace {

namespace fs = std::filesystem;

// Bytes that cannot be compressed, as DLIO writes them.
std::string noise(size_t size, SampleRng& rng) {
  std::string bytes(size, '\0');
  for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
    const uint64_t word = rng();
    std::memcpy(bytes.data() + at, &word, std::min(sizeof word, size - at));
  }
  return bytes;
}

// The size of one sample: normal, by Box and Muller. At least an eighth of the mean: less than nothing is no size.
size_t draw_size(const Workload& workload, SampleRng& rng) {
  const double radius = std::sqrt(-2 * std::log(1 - rng.uniform()));
  const double size =
      workload.sample_bytes + workload.deviation_bytes * radius * std::cos(2 * std::numbers::pi * rng.uniform());
  return static_cast<size_t>(std::llround(std::max(size, workload.sample_bytes / 8)));
}

// A tf.train.Example with one feature of bytes (example.proto and feature.proto of TensorFlow).
std::string example_of(std::string_view name, const std::string& value) {
  using records::ProtobufMessage;
  ProtobufMessage bytes_list, feature, entry, features, example;
  bytes_list.text(1, value);
  feature.message(1, bytes_list);
  entry.text(1, name).message(2, feature);
  features.message(1, entry);
  return example.message(1, features).bytes();
}

std::string tf_records_of(const Workload& workload, SampleRng& rng) {
  std::string file;
  for (int64_t i = 0; i < workload.samples_per_file; ++i)
    file += records::tf_record(example_of("image", noise(draw_size(workload, rng), rng)));
  return file;
}

// A square of bytes and a label, as DLIO's generator writes them.
std::string volume_of(const Workload& workload, SampleRng& rng) {
  const auto side = std::max<int64_t>(1, std::llround(std::sqrt(static_cast<double>(draw_size(workload, rng)))));
  const std::string volume = noise(static_cast<size_t>(side * side), rng), label(sizeof(int64_t), '\0');
  return npz_of({{"x", "|u1", {side, side, 1}, volume}, {"y", "<i8", {1}, label}});
}

// How the data of a workload is written, and read.
struct Kind {
  std::string ending;
  std::string (*make)(const Workload& workload, SampleRng& rng);
  std::string (*dataset)(const std::string& folder, int64_t files);
  std::string more;  // Lines of the configuration.
};

std::string number(int64_t i) {
  char text[24];
  std::snprintf(text, sizeof text, "%05ld", i);
  return text;
}

std::string in_yaml(const std::string& text) { return nlohmann::json(text).dump(); }

std::string tf_records_dataset(const std::string& folder, int64_t files) {
  return "{type: tfrecord, files: " +
         in_yaml(folder + "/part-{" + number(0) + ".." + number(files - 1) + "}.tfrecord") + "}";
}

Kind kind_of(const Workload& workload) {
  if (workload.name.starts_with("unet3d"))
    return {"npz", volume_of,
            [](const std::string& folder, int64_t) {
              return "{type: volumes, root: " + in_yaml(folder) + ", array: x, bytes: 2097152}";
            },
            ""};
  if (workload.name.starts_with("retinanet"))
    return {"jpg",
            [](const Workload& of, SampleRng& rng) {
              return noise_jpeg_of_size(std::max(kLeastJpeg, draw_size(of, rng)), rng());
            },
            [](const std::string& folder, int64_t) { return "{type: image_files, path: " + in_yaml(folder) + "}"; },
            "transforms: [resize: {size: [224, 224]}]\n"};
  return {"tfrecord", tf_records_of, tf_records_dataset, ""};
}

void require_room(const std::string& folder, double bytes) {
  struct statvfs disk{};
  if (::statvfs(folder.c_str(), &disk) != 0) return;
  const double free = static_cast<double>(disk.f_bavail) * static_cast<double>(disk.f_frsize);
  if (free < 1.05 * bytes)
    throw std::runtime_error("the disk of " + in_quotes(folder) + " has " + std::to_string(std::llround(free / 1e6)) +
                             " MB free, and the data takes " + std::to_string(std::llround(bytes / 1e6)) +
                             "; give --files or --sample-bytes");
}

Workload workload_of(const commands::Bench& options) {
  Workload workload = *find_workload(options.make_data);
  if (options.sample_bytes > 0) {
    workload.deviation_bytes *= options.sample_bytes / workload.sample_bytes;
    workload.sample_bytes = options.sample_bytes;
  }
  if (options.files > 0) workload.files = options.files;
  return workload;
}

// What bench.yaml says of so many files.
std::string configuration_of(const Workload& workload, const std::string& data, int64_t files) {
  const Kind kind = kind_of(workload);
  const int64_t samples = files * workload.samples_per_file;
  return "# Data of " + std::string(workload.name) + " and how it is read.\ndataset: " + kind.dataset(data, files) +
         "\n" + kind.more +
         // So that few files are enough for a batch, samples come again.
         "sampler: {type: random, replacement: true, num_samples: " +
         std::to_string(std::max(samples, 16 * workload.batch_size)) +
         ", seed: 1}\nloader: {batch_size: " + std::to_string(workload.batch_size) +
         ", num_workers: 2, drop_last: true}\n";
}

bool is_configuration(const std::string& text, const std::string& data, int64_t files) {
  return std::any_of(std::begin(kWorkloads), std::end(kWorkloads),
                     [&](const Workload& workload) { return text == configuration_of(workload, data, files); });
}

void print_made(const commands::Bench& options, const Workload& workload, const std::string& data) {
  const int64_t samples = workload.files * workload.samples_per_file;
  const std::string& folder = options.file.config;
  if (options.file.json)
    std::puts(nlohmann::json({{"workload", workload.name},
                              {"folder", folder},
                              {"config", (fs::path(folder) / "bench.yaml").string()},
                              {"files", workload.files},
                              {"samples", samples}})
                  .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
                  .c_str());
  else
    std::printf("%s in %s below %s; measure with: millrace bench --workload %s %s\n",
                counted(samples, "sample").c_str(), counted(workload.files, "file").c_str(), printable(data).c_str(),
                std::string(workload.name).c_str(), shell_word(folder).c_str());
}

}  // namespace

int make_data(const commands::Bench& options) {
  const Workload workload = workload_of(options);
  const Kind kind = kind_of(workload);
  const fs::path path = fs::absolute(options.file.config).lexically_normal();
  const std::string data = path / "data";
  DataFolder folder(path, [&](const std::string& text, int64_t files) { return is_configuration(text, data, files); });
  folder.begin();
  require_room(data, static_cast<double>(workload.files * workload.samples_per_file) * workload.sample_bytes);
  for (int64_t i = 0; i < workload.files; ++i) {
    SampleRng rng(static_cast<uint64_t>(i) + 1);
    folder.write_part("part-" + number(i) + "." + kind.ending, kind.make(workload, rng));
  }
  folder.finish(configuration_of(workload, data, workload.files));
  print_made(options, workload, data);
  return kDone;
}

}  // namespace millrace::apps
