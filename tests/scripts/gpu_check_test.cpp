// What scripts/gpu-check writes of a machine, where the machine is made of stand-ins.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "millrace/tests/scripts/scripts.h"
#include "millrace/tests/support/paths.h"

namespace millrace {
namespace {

namespace fs = std::filesystem;
using test::Ended;
using test::run;
using test::text_of;

class GpuCheck : public test::Scripts {
 protected:
  GpuCheck() {
    fs::create_directories(directory_ / "scripts");
    fs::copy_file(test::source("scripts/gpu-check"), directory_ / "scripts/gpu-check");
    write("docs/gpu_results.md",
          "# What a GPU says\n\n## scripts/gpu-check\n\n| an older | table |\n\n## The probe\n\n| another | table |\n");
    for (const char* header : {"cereal/cereal.hpp", "nlohmann/json.hpp"})
      write(std::string("build/gpu-headers/") + header, "");
    stand_in("cmake",
             "mkdir -p build/gpu; case \"$*\" in *build/gpu/programs*) echo Could NOT find JPEG; exit 1;; esac");
    stand_in("nvidia-smi", "echo A GPU, 1.0");
    stand_in("python3", "exit 1");
    stand_in("compute-sanitizer", "echo '========= ERROR SUMMARY: 0 errors'");
    section("echo '| a question | an answer |'; echo all rows");
  }

  // What gpu_check does when it is asked a section.
  void section(const std::string& script) const {
    write("build/gpu/tests/gpu/gpu_check",
          "#!/bin/sh\ncase $1 in --list) echo pinning;; machine) ;; *) " + script + ";; esac\n");
  }

  Ended check() const { return run(stand_ins() + "bash " + (directory_ / "scripts/gpu-check").string()); }
  std::string page() const { return text_of((directory_ / "docs/gpu_results.md").string()); }
};

TEST_F(GpuCheck, ReplacesItsOwnTableOfThePageAndNoOther) {
  const auto ended = check();
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_NE(page().find("| a question | an answer |"), std::string::npos) << page();
  EXPECT_EQ(page().find("an older"), std::string::npos) << page();
  EXPECT_NE(page().find("# What a GPU says\n\n## scripts/gpu-check\n"), std::string::npos) << page();
  EXPECT_NE(page().find("\n\n## The probe\n\n| another | table |\n"), std::string::npos) << page();
  EXPECT_EQ(page().find("all rows"), std::string::npos) << page();
  EXPECT_NE(page().find("| millrace train, the examples | not asked: Could NOT find JPEG"), std::string::npos)
      << page();
}

TEST_F(GpuCheck, TellsASectionThatDiesAtItsExitFromOneThatDiesInIt) {
  section("echo '| a question | an answer |'; echo all rows; echo 'free(): invalid pointer' >&2; exit 134");
  EXPECT_EQ(check().exit_code, 1);
  EXPECT_NE(page().find(
                "| a question | an answer |\n| pinning | has all its rows, and FAILED at its exit with exit code 134: "
                "free(): invalid pointer"),
            std::string::npos)
      << page();
  section("echo '| a question | an answer |'; exit 139");
  EXPECT_EQ(check().exit_code, 1);
  EXPECT_NE(page().find("| a question | an answer |\n| pinning | FAILED with exit code 139: "), std::string::npos)
      << page();
}

TEST_F(GpuCheck, AsksTheSanitizerOfMoreThanOneSectionAndCountsLeaksByTheirAllocator) {
  stand_in("compute-sanitizer",
           "echo \"========= COMPUTE-SANITIZER $*\"\n"
           "echo '========= Leaked 2,097,152 bytes at 0x7f00'\n"
           "echo '=========         Host Frame: cuMemAlloc in libcuda.so'\n"
           "echo '=========         Host Frame: c10::cuda in libc10_cuda.so'\n"
           "case $* in *hand_off*)\n"
           "  echo '========= Leaked 64 bytes at 0x7f08'\n"
           "  echo '=========         Host Frame: millrace in gpu_check';; esac\n"
           "echo '========= LEAK SUMMARY: some bytes leaked'");
  const auto ended = check();
  EXPECT_EQ(ended.exit_code, 1) << ended.output;
  for (const char* clean : {"finishing", "pinning", "batch_to", "worker_batches"})
    EXPECT_NE(page().find(std::string("memcheck and leaks of ") + clean + " | clean; torch's allocator kept 1 blocks"),
              std::string::npos)
        << page();
  EXPECT_NE(page().find("memcheck and leaks of hand_off | FAILED with exit code 0, 0 errors, 1 leaks"),
            std::string::npos)
      << page();
  EXPECT_NE(text_of((directory_ / "build/gpu/sanitizer_pinning.log").string())
                .find("--leak-check full --target-processes all"),
            std::string::npos);
}

TEST_F(GpuCheck, FailsWhenASanitizedProgramFails) {
  stand_in("compute-sanitizer",
           "echo '========= Target application terminated before first instrumented API call'; exit 255");
  EXPECT_EQ(check().exit_code, 1);
  EXPECT_NE(page().find("memcheck and leaks of finishing | FAILED with exit code 255, 0 errors"), std::string::npos)
      << page();
}

}  // namespace
}  // namespace millrace
