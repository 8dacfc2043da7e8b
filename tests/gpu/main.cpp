// gpu_check SECTION: asks one question of a machine with a GPU and prints rows of docs/gpu_results.md, then "all rows".
// scripts/gpu-check asks them all. Exit codes: 0, 1 when something is wrong, 2 for a section that there is not, 77 when
// the machine cannot be asked.
#include <cstdio>
#include <cstring>
#include <exception>

#include "millrace/sharing/cuda/driver.h"
#include "millrace/sharing/process/init.h"
#include "millrace/tests/gpu/check.h"
#include "millrace/tests/gpu/sections.h"

namespace {

constexpr int kWrongUsage = 2;
constexpr int kCannot = 77;

// The line after a section's last row: what fails behind it is the program's exit.
constexpr const char* kAllRows = "all rows";

struct Section {
  const char* name;
  void (*run)();
};

constexpr Section kSections[] = {
    {"machine", gpu_check::machine},
    {"contexts", gpu_check::contexts},
    {"dead_exporter", gpu_check::dead_exporter},
    {"dead_vmm_exporter", gpu_check::dead_vmm_exporter},
    {"teardown", gpu_check::teardown},
    {"pinning", gpu_check::pinning},
    {"imports", gpu_check::imports},
    {"finishing", gpu_check::finishing},
    {"batch_to", gpu_check::batch_to},
    {"hand_off", gpu_check::hand_off},
    {"worker_batches", gpu_check::worker_batches},
};

int run(const Section& section) {
  try {
    if (!millrace::cuda::Driver::find()) throw gpu_check::Skipped(millrace::cuda::Driver::status().text);
    section.run();
    std::printf("%s\n", kAllRows);
    std::fflush(stdout);  // Before the exit, which may be what fails.
    return 0;
  } catch (const gpu_check::Skipped& e) {
    std::fprintf(stderr, "%s cannot be asked here: %s\n", section.name, e.what());
    return kCannot;
  } catch (const std::exception& e) {
    gpu_check::row(section.name, std::string("FAILED: ") + e.what());
    return 1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  for (const auto& section : kSections)
    if (argc == 2 && std::strcmp(argv[1], section.name) == 0) return run(section);
  if (argc == 2 && std::strcmp(argv[1], "--list") == 0) {
    for (const auto& section : kSections) std::puts(section.name);
    return 0;
  }
  std::fprintf(stderr, "usage: gpu_check SECTION, one of those of gpu_check --list\n");
  return kWrongUsage;
}
