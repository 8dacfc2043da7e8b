// What a trace says of a GPU, on the fake driver.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "millrace/apps/millrace/trace.h"
#include "millrace/sharing/cuda/context.h"
#include "millrace/sharing/cuda/driver.h"
#include "millrace/sharing/cuda/stream.h"
#include "millrace/tests/fake_cuda/fake_cuda.h"
#include "millrace/tests/support/directory.h"

namespace millrace::apps {
namespace {

constexpr int kCopies = 3;
constexpr double kDelayUs = 20'000;

TEST(Trace, ShowsWhenAStreamWorkedBesideTheThread) {
  const test::Directory directory;
  const cuda::CurrentContext context(0);
  const cuda::OwnedStream stream(0);
  cuda::api::DevicePtr there = 0;
  MILLRACE_CUDA(mem_alloc, &there, 64);
  std::vector<char> bytes(64);
  MILLRACE_CUDA(mem_host_register, bytes.data(), bytes.size(), cuda::api::kMemHostRegisterPortable);
  const auto events_before = fake_cuda::count("events");
  {
    const fake_cuda::Setting slow("copy_delay_us", static_cast<long long>(kDelayUs));
    Trace trace(0);
    for (int i = 0; i < kCopies; ++i) {
      trace.begin("copy", {stream.get(), "stream"});
      MILLRACE_CUDA(memcpy_htod_async, there, bytes.data(), bytes.size(), stream.get());
      trace.end();
    }
    trace.write(directory.path() + "/trace.json");
  }
  EXPECT_EQ(fake_cuda::count("events"), events_before);
  MILLRACE_CUDA(mem_host_unregister, bytes.data());
  MILLRACE_CUDA(mem_free, there);

  const auto trace = nlohmann::json::parse(std::ifstream(directory.path() + "/trace.json"));
  std::map<int, std::string> rows;
  std::map<std::string, std::vector<nlohmann::json>> spans;
  for (const auto& event : trace["traceEvents"]) {
    if (event["ph"] == "M") rows[event["tid"]] = event["args"]["name"];
    if (event["ph"] == "X") spans[rows.at(event["tid"])].push_back(event);
  }
  ASSERT_EQ(spans["trainer"].size(), kCopies);
  ASSERT_EQ(spans["stream"].size(), kCopies);
  double last_end = 0;
  for (const auto& span : spans["stream"]) {
    EXPECT_GE(span["dur"].get<double>(), kDelayUs);
    EXPECT_GE(span["ts"].get<double>() + 1, last_end);  // Of microseconds, added up as floats.
    last_end = span["ts"].get<double>() + span["dur"].get<double>();
  }
}

}  // namespace
}  // namespace millrace::apps
