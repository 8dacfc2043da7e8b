// A library of datasets in which something is slow, or kills its worker.
#include <ATen/ops/full.h>
#include <fcntl.h>
#include <millrace/apps/millrace/library.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "millrace/loader/example.h"
#include "millrace/loader/stages.h"

namespace {

namespace tables = millrace::configs::tables;

void sleep_for(int64_t us) {
  if (us > 0) std::this_thread::sleep_for(std::chrono::microseconds(us));
}

int64_t cpu_us() {
  timespec time = {};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return 1'000'000 * int64_t{time.tv_sec} + time.tv_nsec / 1'000;
}

// Whatever else runs here, so much time of a processor is taken.
void work_for(int64_t us) {
  const int64_t end = cpu_us() + us;
  while (cpu_us() < end) {
  }
}

struct Planted {
  int64_t samples = 1'000;
  int64_t read_us = 0;         // Asleep.
  int64_t decode_us = 0;       // At work,
  int64_t decode_wait_us = 0;  // and then asleep.
  int64_t slow = -1;           // The index of a sample that also sleeps so long:
  int64_t slow_us = 0;
  int64_t deadly = 0;  // Every so manieth sample kills who reads it the first time; 0: none.
  std::string died;    // What such samples leave behind: files whose names begin so.

  static constexpr std::string_view kName = "planted", kMakes = "Planted", kAbout = "Samples that are slow or deadly.";
  static constexpr auto keys() {
    return tables::list(tables::key("samples", &Planted::samples, "How many."),
                        tables::key("read_us", &Planted::read_us, "."),
                        tables::key("decode_us", &Planted::decode_us, "."),
                        tables::key("decode_wait_us", &Planted::decode_wait_us, "."),
                        tables::key("slow", &Planted::slow, "."), tables::key("slow_us", &Planted::slow_us, "."),
                        tables::key("deadly", &Planted::deadly, "."), tables::key("died", &Planted::died, "."));
  }

  size_t size() const { return static_cast<size_t>(samples); }
  millrace::SampleSpec spec() const { return {{"x", c10::ScalarType::Byte, {}}}; }

  void read(size_t i, millrace::SampleRow& row, millrace::SampleContext&) const {
    const auto index = static_cast<int64_t>(i);
    if (deadly > 0 && index % deadly == deadly - 1) die_once(index);
    {
      const millrace::StageScope reading(millrace::Stage::kRead);
      sleep_for(read_us);
    }
    const millrace::StageScope decoding(millrace::Stage::kDecode);
    work_for(decode_us);
    sleep_for(decode_wait_us);
    if (index == slow) sleep_for(slow_us);
    row.set<uint8_t>("x", 1);
  }

  void die_once(int64_t index) const {
    const std::string file = died + std::to_string(index);
    const int fd = ::open(file.c_str(), O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) ::kill(::getpid(), SIGKILL);
  }

  void serialize(auto& archive) { archive(samples, read_us, decode_us, decode_wait_us, slow, slow_us, deadly, died); }
};

struct PlantedStreamKeys {
  int64_t samples = 1'000;
  int64_t read_us = 0;
  static constexpr std::string_view kName = "planted_stream", kMakes = "PlantedStream", kAbout = "A slow stream.";
  static constexpr auto keys() {
    return tables::list(tables::key("samples", &PlantedStreamKeys::samples, "How many."),
                        tables::key("read_us", &PlantedStreamKeys::read_us, "."));
  }
};

// One stream of them is all that a loader may make.
struct PlantedStream {
  int64_t samples = 0;
  int64_t read_us = 0;
  int64_t given = 0;

  std::optional<millrace::Example> next(millrace::StreamContext&) {
    if (given == samples) return std::nullopt;
    const millrace::StageScope reading(millrace::Stage::kRead);
    sleep_for(read_us);
    ++given;
    return millrace::Example{at::full({1}, given, at::kLong), at::full({}, given, at::kLong)};
  }

  void serialize(auto& archive) { archive(samples, read_us, given); }
};

void add_types(millrace::apps::ProgramTypes& types) {
  types.datasets.add<Planted>().add<PlantedStreamKeys>(
      [](const PlantedStreamKeys& keys) { return PlantedStream{keys.samples, keys.read_us, 0}; });
}

}  // namespace

MILLRACE_LIBRARY(add_types)
