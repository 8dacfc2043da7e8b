// Runs `millrace doctor` on drivers of all kinds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"

namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

struct Line {
  std::string verdict;
  std::string text;
  std::string cure;
};

// What the program prints, of which nothing goes to stderr. It has to find that the loader can run here.
std::string output(const std::string& environment, const std::string& arguments) {
  const millrace::test::Directory directory;
  const std::string out = directory.path() + "/out";
  const std::string command = "env MILLRACE_FAKE_CUDA_DIR=" + directory.path() + "/fake " + environment + " '" +
                              millrace::test::built("apps/millrace") + "' " + arguments + " </dev/null >'" + out +
                              "' 2>&1";
  const int status = std::system(command.c_str());
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  std::ostringstream text;
  text << std::ifstream(out, std::ios::binary).rdbuf();
  return text.str();
}

std::map<std::string, Line> doctor(const std::string& environment) {
  const auto report = nlohmann::json::parse(output(environment, "doctor --json"));
  EXPECT_EQ(report["usable"], true) << report;
  std::map<std::string, Line> lines;
  for (const auto& check : report["checks"]) lines[check["name"]] = {check["verdict"], check["text"], check["cure"]};
  return lines;
}

const std::string kNoDriver = "MILLRACE_CUDA_DRIVER=none";

std::string on_fake(const std::string& knobs) {
  return "MILLRACE_CUDA_DRIVER=" + millrace::test::built("tests/fake_cuda/libfake_cuda.so") +
         " MILLRACE_FAKE_CUDA=" + knobs;
}

TEST(Doctor, SaysWhatTheMachineCanDo) {
  auto lines = doctor(kNoDriver);
  for (const char* name : {"kernel", "fork server", "LibTorch"}) EXPECT_EQ(lines[name].verdict, "ok") << name;
  for (const char* name : {"cores", "memory", "/dev/shm", "huge pages", "open files", "file size", "address space",
                           "processes", "container"})
    EXPECT_THAT(lines[name].text, Not(IsEmpty())) << name;
  EXPECT_THAT(lines["LibTorch"].text, testing::ContainsRegex("^2\\.[0-9]+\\."));
}

TEST(Doctor, SaysWhatLimitsIt) {
  auto lines = doctor("sh -c 'ulimit -n 256; exec \"$0\" \"$@\"' env " + kNoDriver);
  EXPECT_EQ(lines["open files"].verdict, "limited");
  EXPECT_EQ(lines["open files"].text, "256 allowed");
  EXPECT_THAT(lines["open files"].cure, HasSubstr("ulimit -n"));
}

TEST(Doctor, NamesTheLibraryWhoseThreadKeepsTheForkServerFromStarting) {
  auto lines = doctor(kNoDriver + " MILLRACE_TEST_EARLY_THREAD=always LD_PRELOAD=" +
                      millrace::test::built("tests/libsharing_early_thread.so"));
  EXPECT_EQ(lines["fork server"].verdict, "not available");
  EXPECT_THAT(lines["fork server"].text, HasSubstr("libsharing_early_thread.so"));
  EXPECT_THAT(lines["fork server"].cure, HasSubstr("spawn"));
}

TEST(Doctor, KnowsEveryLimitThatAProgramMeets) {
  auto lines = doctor("bash -c 'ulimit -f 200000 -v 64000000 -u 500; exec \"$0\" \"$@\"' env " + kNoDriver);
  EXPECT_EQ(lines["file size"].verdict, "limited");
  EXPECT_THAT(lines["file size"].text, HasSubstr("204800000 bytes"));
  EXPECT_THAT(lines["file size"].cure, HasSubstr("ulimit -f"));
  EXPECT_EQ(lines["address space"].verdict, "limited");
  EXPECT_THAT(lines["address space"].text, HasSubstr("61.0 GiB"));
  EXPECT_THAT(lines["address space"].cure, HasSubstr("ulimit -v"));
  EXPECT_THAT(lines["processes"].text, Not(IsEmpty())) << "the limit does not hold for root";
}

TEST(Doctor, TellsWhyWhereLibTorchHasNoRoomToBeLoaded) {
  const millrace::test::Directory directory;
  const std::string out = directory.path() + "/out";
  const std::string command =
      "ulimit -v 300000; '" + millrace::test::built("apps/millrace") + "' doctor --json >'" + out + "' 2>/dev/null";
  const int status = std::system(command.c_str());
  EXPECT_EQ(WEXITSTATUS(status), 1);
  std::ifstream file(out);
  const auto report = nlohmann::json::parse(file);
  EXPECT_EQ(report["usable"], false);
  EXPECT_THAT(report["checks"].back()["text"], HasSubstr("cannot be loaded"));
  EXPECT_THAT(report["checks"].back()["cure"], HasSubstr("ulimit -v"));
}

TEST(Doctor, PrintsALineACheck) {
  const std::string text = output(kNoDriver, "doctor");
  EXPECT_THAT(text, HasSubstr("ok             fork server            starts processes\n"));
  EXPECT_THAT(text, HasSubstr("not available  CUDA driver            CUDA is switched off"));
}

TEST(Doctor, NeedsNoDriver) {
  auto lines = doctor(kNoDriver);
  EXPECT_EQ(lines["CUDA driver"].verdict, "not available");
  EXPECT_EQ(lines["LibTorch's CUDA part"].verdict, "not available");
  EXPECT_FALSE(lines.contains("GPU 0"));
  lines = doctor("MILLRACE_CUDA_DRIVER=/missing.so");
  EXPECT_THAT(lines["CUDA driver"].text, HasSubstr("Install NVIDIA's driver"));
}

TEST(Doctor, TellsOfADriverThatIsTooOldOrCrashes) {
  auto lines = doctor("MILLRACE_CUDA_DRIVER=" + millrace::test::built("tests/libfake_cuda_old.so"));
  EXPECT_THAT(lines["CUDA driver"].text, HasSubstr("too old: it is of CUDA 11.4"));
  lines = doctor("MILLRACE_CUDA_DRIVER=" + millrace::test::built("tests/libfake_cuda_crashing.so"));
  EXPECT_EQ(lines["CUDA driver"].verdict, "not available");
  EXPECT_THAT(lines["CUDA driver"].text, HasSubstr("crashes: a process that tried it was killed by SIGKILL"));
}

TEST(Doctor, TriesEachDevice) {
  auto lines = doctor(on_fake("devices=2"));
  EXPECT_EQ(lines["CUDA driver"].text, "CUDA 13.0 with 2 devices");
  for (const std::string device : {"GPU 0", "GPU 1"}) {
    for (const char* what : {"", " pinning", " descriptors", " CUDA IPC"}) {
      EXPECT_EQ(lines[device + what].verdict, "ok") << device << what << ": " << lines[device + what].text;
      EXPECT_THAT(lines[device + what].cure, IsEmpty());
    }
  }
  EXPECT_THAT(lines["GPU 1"].text, HasSubstr("Fake GPU 1, 1.0 GiB, compute capability 9.0, GPU-"));
}

TEST(Doctor, FindsWhatADeviceCannotDo) {
  auto lines = doctor(on_fake("legacy_ipc=0"));
  EXPECT_EQ(lines["GPU 0 CUDA IPC"].verdict, "limited");
  EXPECT_THAT(lines["GPU 0 CUDA IPC"].text, HasSubstr("CUDA_ERROR_NOT_SUPPORTED"));
  EXPECT_EQ(lines["GPU 0 descriptors"].verdict, "ok");
  lines = doctor(on_fake("vmm=0"));
  EXPECT_EQ(lines["GPU 0 descriptors"].verdict, "limited");
  EXPECT_EQ(lines["GPU 0 CUDA IPC"].verdict, "ok");
  lines = doctor(on_fake("pin_fails_after_bytes=0"));
  EXPECT_EQ(lines["GPU 0 pinning"].verdict, "limited");
  EXPECT_THAT(lines["GPU 0 pinning"].text, HasSubstr("CUDA_ERROR_OUT_OF_MEMORY"));
  EXPECT_THAT(lines["GPU 0 pinning"].cure, HasSubstr("memory limit"));
}

TEST(Doctor, KnowsMpsAndMig) {
  auto lines = doctor(on_fake("devices=1"));
  EXPECT_FALSE(lines.contains("MIG"));
  lines = doctor(on_fake("devices=1") + " CUDA_VISIBLE_DEVICES=MIG-1234 CUDA_MPS_PIPE_DIRECTORY=/pipes");
  EXPECT_THAT(lines["MPS"].text, HasSubstr("server at /pipes"));
  EXPECT_THAT(lines["MPS"].cure, HasSubstr("Never kill"));
  EXPECT_EQ(lines["MIG"].verdict, "limited");
}

}  // namespace
