// What a fresh machine is set up with, and that CI does not pass for what it left out.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <string>

#include "millrace/tests/scripts/scripts.h"
#include "millrace/tests/support/paths.h"

namespace millrace {
namespace {

namespace fs = std::filesystem;
using test::Ended;
using test::run;
using test::Scripts;
using test::text_of;

class FromRegistry : public Scripts {
 protected:
  // In an empty cache, with a pip that looks where `where` says and nowhere else.
  std::string with_pip_that_looks(const std::string& where) const {
    return "env -u http_proxy -u https_proxy -u HTTP_PROXY -u HTTPS_PROXY -u all_proxy -u ALL_PROXY "
           "PIP_CONFIG_FILE=/dev/null "
           "XDG_CACHE_HOME=" +
           directory_.string() + " " + where + " ";
  }
};

class SetupPytorch : public FromRegistry {
 protected:
  void SetUp() override {
    if (run("python3 -c 'import pip, platform, sys; "
            "sys.exit(sys.version_info[:2] != (3, 11) or platform.machine() != \"x86_64\")'")
            .exit_code != 0)
      GTEST_SKIP() << "python3 is none of version 3.11 on x86_64 with pip";
  }

  Ended set_up(const std::string& where) const {
    return run(with_pip_that_looks(where) + test::source("scripts/setup_pytorch"));
  }
};

TEST_F(SetupPytorch, TellsARegistryThatRefusesTheConnectionFromEverythingElse) {
  const auto ended = set_up("PIP_INDEX_URL=http://127.0.0.1:1/simple");
  EXPECT_EQ(ended.exit_code, 75) << ended.output;
  EXPECT_NE(ended.output.find("the package registry refuses the connection"), std::string::npos) << ended.output;
}

TEST_F(SetupPytorch, FailsWhenAWheelIsNotTheOneThatIsPinned) {
  write("wheels/torch-2.11.0-cp311-cp311-manylinux_2_28_x86_64.whl", "Connection refused, says a wheel that is none");
  const auto ended = set_up("PIP_NO_INDEX=1 PIP_FIND_LINKS=" + (directory_ / "wheels").string());
  EXPECT_EQ(ended.exit_code, 1) << ended.output;
  EXPECT_NE(ended.output.find("DO NOT MATCH THE HASHES"), std::string::npos) << ended.output;
}

// scripts/setup_live with a stand-in for setup_pytorch, whose Python says where it looks for packages.
class SetupLive : public SetupPytorch {
 protected:
  Ended set_up_live(const std::string& where, const std::string& setup_pytorch) const {
    for (const char* script : {"setup_live", "live_python.sh", "install_pinned.sh"})
      fs::copy_file(test::source(std::string("scripts/") + script), directory_ / script,
                    fs::copy_options::overwrite_existing);
    for (const char* pins : {"libtorch.txt", "pytorch.txt", "live.txt"})
      fs::copy_file(test::source(std::string("scripts/") + pins), directory_ / pins,
                    fs::copy_options::overwrite_existing);
    fs::create_directories(directory_ / "millrace");
    write("setup_pytorch", "#!/bin/sh\n" + setup_pytorch + "\n");
    return run(with_pip_that_looks(where) + (directory_ / "setup_live").string());
  }

  // Of what setup_live makes.
  bool left_a_folder() const {
    for (const auto& entry : fs::directory_iterator(directory_ / "millrace"))
      if (entry.is_directory()) return true;
    return false;
  }
};

TEST_F(SetupLive, TellsARegistryThatRefusesTheConnectionFromEverythingElse) {
  const auto ended = set_up_live("PIP_INDEX_URL=http://127.0.0.1:1/simple", "echo /a/python");
  EXPECT_EQ(ended.exit_code, 75) << ended.output;
  EXPECT_NE(ended.output.find("setup_live: the package registry refuses the connection"), std::string::npos)
      << ended.output;
  EXPECT_FALSE(left_a_folder());
}

TEST_F(SetupLive, FailsWhenAWheelIsNotTheOneThatIsPinned) {
  write("wheels/tensorboard-2.21.0-py3-none-any.whl", "no wheel");
  const auto ended = set_up_live("PIP_NO_INDEX=1 PIP_FIND_LINKS=" + (directory_ / "wheels").string(), "echo /a/python");
  EXPECT_EQ(ended.exit_code, 1) << ended.output;
  EXPECT_FALSE(left_a_folder());
}

TEST_F(SetupLive, EndsAsSetupPytorchDoesWhereThatFails) {
  for (const int code : {1, 75}) EXPECT_EQ(set_up_live("", "exit " + std::to_string(code)).exit_code, code);
  EXPECT_FALSE(left_a_folder());
}

class SetupDev : public FromRegistry {
 protected:
  void SetUp() override {
    if (run("python3 -c 'import pip, platform, sys; sys.exit(platform.machine() != \"x86_64\")'").exit_code != 0)
      GTEST_SKIP() << "python3 has no pip, or the machine is not x86_64";
  }

  Ended set_up(const std::string& where) const {
    return run(with_pip_that_looks(where) + test::source("scripts/setup_dev"));
  }

  // Nothing that a later call would take for the tools.
  bool left_tools() const {
    for (const auto& entry : fs::directory_iterator(directory_ / "millrace"))
      if (entry.is_directory()) return true;
    return false;
  }
};

TEST_F(SetupDev, TellsToolsThatCannotBeHadFromEverythingElse) {
  const auto ended = set_up("PIP_INDEX_URL=http://127.0.0.1:1/simple PIP_FIND_LINKS=");
  EXPECT_EQ(ended.exit_code, 75) << ended.output;
  EXPECT_NE(ended.output.find("call scripts/setup --dev again with a network"), std::string::npos) << ended.output;
  EXPECT_FALSE(left_tools());
}

TEST_F(SetupDev, FailsWhenAWheelIsNotTheOneThatIsPinned) {
  write("wheels/clang_format-23.1.5-py2.py3-none-manylinux_2_27_x86_64.whl", "no wheel");
  const auto ended = set_up("PIP_NO_INDEX=1 PIP_FIND_LINKS=" + (directory_ / "wheels").string());
  EXPECT_EQ(ended.exit_code, 1) << ended.output;
  EXPECT_NE(ended.output.find("DO NOT MATCH THE HASHES"), std::string::npos) << ended.output;
  EXPECT_FALSE(left_tools());
}

TEST_F(Scripts, ThatLookAtSourcesSayWhenTheyCannot) {
  for (const char* script : {"format --check", "tidy"}) {
    const auto ended = run("env XDG_CACHE_HOME=" + directory_.string() + " " + test::source("scripts/") + script);
    EXPECT_EQ(ended.exit_code, 75) << ended.output;
    EXPECT_NE(ended.output.find("scripts/setup --dev"), std::string::npos) << ended.output;
  }
}

// scripts/setup in an empty cache, where dpkg-query, apt-get, df and python3's pip are stand-ins that a test replaces.
class Setup : public Scripts {
 protected:
  Setup() {
    fs::permissions(directory_, fs::perms::owner_all | fs::perms::others_read | fs::perms::others_exec);
    for (const char* script : {"setup", "libtorch.txt"})
      fs::copy_file(test::source(std::string("scripts/") + script), directory_ / script);
    stand_in("dpkg-query", "shift 2; for package; do echo $package installed; done");
    stand_in("apt-get", "echo E: no such package >&2; exit 100");
    stand_in("df", "echo Avail; echo 9000MB");
    pip("import sys, zipfile\n"
        "wheel = zipfile.ZipFile(sys.argv[sys.argv.index('--dest') + 1] + '/torch.whl', 'w')\n"
        "for name in ('include/ATen/core/Tensor.h', 'lib/libtorch_cpu.so'): wheel.writestr('torch/' + name, '')\n"
        "wheel.close()\n");
  }

  // `program` is what "python3 -m pip download" executes; everything else is python3's own, without its packages.
  void pip(const std::string& program) const {
    write("pip.py", program);
    const std::string python = run("python3 -c 'import sys; print(sys.executable, end=str())'").output;
    stand_in("python3", "case \"$*\" in *'pip --version'*) ;; *'pip download'*) exec " + python + " " +
                            (directory_ / "pip.py").string() + " \"$@\" ;; *) exec " + python + " -S \"$@\" ;; esac");
  }

  Ended set_up(const std::string& before = "", const std::string& arguments = "") const {
    return run("env -u LIBTORCH " + stand_ins() + "XDG_CACHE_HOME=" + (directory_ / "cache").string() + " " + before +
               " bash " + (directory_ / "setup").string() + " " + arguments);
  }

  // Nothing half made is left for the next call.
  size_t left_in_cache() const {
    size_t found = 0;
    for (const auto& entry : fs::directory_iterator(directory_ / "cache/millrace"))
      found += entry.path().filename() != ".lock";
    return found;
  }
};

TEST_F(Setup, FromAnEmptyCacheEndsWellAndFindsEverythingTheSecondTime) {
  const auto first = set_up();
  EXPECT_EQ(first.exit_code, 0) << first.output;
  EXPECT_TRUE(fs::exists(directory_ / "cache/millrace/libtorch-2.11.0/torch/lib/libtorch_cpu.so")) << first.output;
  EXPECT_EQ(left_in_cache(), 1u);
  const auto second = set_up();
  EXPECT_EQ(second.exit_code, 0) << second.output;
  EXPECT_NE(second.output.find("all there, nothing to do"), std::string::npos) << second.output;
}

TEST_F(Setup, HasDoneSomethingWhenOnlyTheToolsAreNew) {
  for (const char* script : {"dev_tools.sh", "dev.txt"})
    fs::copy_file(test::source(std::string("scripts/") + script), directory_ / script);
  write("setup_dev", "#!/bin/bash\nsource \"$(dirname \"$0\")/dev_tools.sh\"\nmkdir -p \"$dev_tools\"\n");
  set_up();
  const auto first = set_up("", "--dev");
  EXPECT_EQ(first.exit_code, 0) << first.output;
  EXPECT_EQ(first.output.find("nothing to do"), std::string::npos) << first.output;
  const auto second = set_up("", "--dev");
  EXPECT_EQ(second.exit_code, 0) << second.output;
  EXPECT_NE(second.output.find("all there, nothing to do"), std::string::npos) << second.output;
}

TEST_F(Setup, InstallsChromiumAndThePythonOfLiveTestsWhenAsked) {
  for (const char* pins : {"live_python.sh", "pytorch.txt", "live.txt"})
    fs::copy_file(test::source(std::string("scripts/") + pins), directory_ / pins);
  write("setup_live",
        "#!/bin/bash\nsource \"$(dirname \"$0\")/live_python.sh\"\nmkdir -p \"$(dirname \"$live_python\")\"\n"
        "cp \"$0\" \"$live_python\"\n");
  set_up();
  const auto first = set_up("", "--live");
  EXPECT_EQ(first.exit_code, 0) << first.output;
  EXPECT_EQ(first.output.find("nothing to do"), std::string::npos) << first.output;
  const auto second = set_up("", "--live");
  EXPECT_EQ(second.exit_code, 0) << second.output;
  EXPECT_NE(second.output.find("all there, nothing to do"), std::string::npos) << second.output;

  stand_in("dpkg-query", "shift 2; for package; do test $package = chromium || echo $package installed; done");
  const auto without = set_up("", "--live");
  EXPECT_EQ(without.exit_code, 1) << without.output;
  EXPECT_NE(without.output.find("installing 1 packages with apt (a minute or two): chromium"), std::string::npos)
      << without.output;
  EXPECT_EQ(set_up().exit_code, 0) << "only live tests need it";
}

TEST_F(Setup, PassesOnWhyThePythonOfLiveTestsCannotBeHad) {
  for (const char* pins : {"live_python.sh", "pytorch.txt", "live.txt"})
    fs::copy_file(test::source(std::string("scripts/") + pins), directory_ / pins);
  for (const int code : {1, 75}) {
    write("setup_live", "#!/bin/sh\nexit " + std::to_string(code) + "\n");
    EXPECT_EQ(set_up("", "--live").exit_code, code);
  }
}

TEST_F(Setup, SaysWhatToDoWhenTheDownloadFails) {
  pip("import sys\nsys.exit('ERROR: Could not find a version that satisfies the requirement torch==2.11.0')\n");
  const auto ended = set_up();
  EXPECT_EQ(ended.exit_code, 1) << ended.output;
  EXPECT_NE(ended.output.find("call it again with a network, or say where a LibTorch 2.11 is with LIBTORCH=DIR"),
            std::string::npos)
      << ended.output;
  EXPECT_EQ(left_in_cache(), 0u);
}

TEST_F(Setup, AsksForRoomBeforeItDownloads) {
  stand_in("df", "echo Avail; echo 2000MB");
  pip("raise SystemExit('downloaded all the same')\n");
  const auto ended = set_up();
  EXPECT_EQ(ended.exit_code, 1) << ended.output;
  EXPECT_NE(ended.output.find("2000 MB free"), std::string::npos) << ended.output;
  EXPECT_NE(ended.output.find("free some, or set XDG_CACHE_HOME"), std::string::npos) << ended.output;
  EXPECT_EQ(ended.output.find("downloaded all the same"), std::string::npos) << ended.output;
}

TEST_F(Setup, SaysWhatToDoWhenTheDiskFillsWhileItUnpacks) {
  pip("import sys\nopen(sys.argv[sys.argv.index('--dest') + 1] + '/torch.whl', 'w').write('half a wheel')\n");
  const auto ended = set_up();
  EXPECT_EQ(ended.exit_code, 1) << ended.output;
  EXPECT_NE(ended.output.find("free some room there and call it again"), std::string::npos) << ended.output;
  EXPECT_EQ(left_in_cache(), 0u);
}

TEST_F(Setup, SaysTheCommandForRootWhenAptFails) {
  stand_in("dpkg-query", "exit 1");
  const auto ended = set_up();
  EXPECT_EQ(ended.exit_code, 1) << ended.output;
  EXPECT_NE(ended.output.find("run as root:  apt-get update && apt-get install"), std::string::npos) << ended.output;
}

TEST_F(Setup, SaysTheCommandForRootWithoutRootAndSudo) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  if (run("command -v sudo").exit_code == 0) stand_in("sudo", "exit 1");
  stand_in("dpkg-query", "exit 1");
  const auto ended = set_up("setpriv --reuid=65534 --regid=65534 --clear-groups");
  EXPECT_EQ(ended.exit_code, 1) << ended.output;
  EXPECT_NE(ended.output.find("run as root:  apt-get update && apt-get install"), std::string::npos) << ended.output;
}

TEST_F(Setup, TakesTheLibTorchItIsGivenWithoutANetwork) {
  pip("raise SystemExit('asked the network')\n");
  write("given/include/ATen/core/Tensor.h", "");
  write("given/lib/libtorch_cpu.so", "");
  const auto good = set_up("LIBTORCH=" + (directory_ / "given").string());
  EXPECT_EQ(good.exit_code, 0) << good.output;
  const auto bad = set_up("LIBTORCH=" + (directory_ / "bin").string());
  EXPECT_EQ(bad.exit_code, 1) << bad.output;
  EXPECT_NE(bad.output.find("give the directory of an unpacked libtorch"), std::string::npos) << bad.output;
}

TEST(SetupPins, EveryPackageByItsVersionAndHash) {
  const std::regex pinned("(#.*|[A-Za-z0-9-_]+==[0-9.]+ --hash=sha256:[0-9a-f]{64})");
  for (const char* path : {"scripts/libtorch.txt", "scripts/pytorch.txt", "scripts/live.txt", "scripts/dev.txt"}) {
    std::ifstream lines(test::source(path));
    ASSERT_TRUE(lines.is_open()) << path;
    for (std::string line; std::getline(lines, line);)
      EXPECT_TRUE(std::regex_match(line, pinned)) << path << ": " << line;
  }
  // What pip is asked for is in those files, whole: no package stands in a command line.
  for (const char* script : {"scripts/setup", "scripts/install_pinned.sh", "scripts/setup_dev"}) {
    const std::string text = text_of(test::source(script));
    EXPECT_NE(text.find("--require-hashes"), std::string::npos) << script;
    EXPECT_FALSE(std::regex_search(text, std::regex("[a-z]==[0-9]"))) << script;
  }
}

// .ci/run in a tree where everything that it calls is a stand-in.
class Ci : public Scripts {
 protected:
  Ci() {
    fs::create_directories(directory_ / ".ci");
    for (const auto& file : fs::directory_iterator(test::source(".ci")))
      fs::copy_file(file.path(), directory_ / ".ci" / file.path().filename());
    write("scripts/setup_dev", "#!/bin/sh\n");
    write("Makefile",
          "demo:\n\t@echo 'trained 3 epochs, test accuracy 97.5 %'\n"
          "format-check benchmarks:\n\t@echo \"$@\"\n"
          "test test-sanitizers:\n\t@echo \"$@ beside $$MILLRACE_PYTHON\"\n");
    write("build/release/Testing/Temporary/LastTest.log",
          "[ RUN      ] Compared.WithTorch\n[  SKIPPED ] Compared.WithTorch (0 ms)\n[       OK ] Other.Test (1 ms)\n"
          "[  SKIPPED ] 1 test, listed below:\n[  SKIPPED ] Compared.WithTorch\n");
    write("build/asan/Testing/Temporary/LastTest.log", "[  SKIPPED ] Deep.InAsan/3 (12 ms)\n");
  }

  Ended judge(int exit_code_of_setup_live) const {
    write("scripts/setup",
          "#!/bin/sh\ntest \"$1\" != --live || exit " + std::to_string(exit_code_of_setup_live) + "\n");
    write("scripts/setup_live", "#!/bin/sh\necho /a/python\n");
    return run((directory_ / ".ci/run").string());
  }
};

TEST_F(Ci, FailsWhenNothingCanBeComparedLive) {
  // 75: the package registry refuses the connection.
  for (const int code : {1, 75}) {
    const auto ended = judge(code);
    EXPECT_EQ(ended.exit_code, 1) << ended.output;
    EXPECT_NE(ended.output.find("ci: scripts/setup --live failed"), std::string::npos) << ended.output;
    EXPECT_EQ(ended.output.find("test beside"), std::string::npos) << ended.output;
  }
}

TEST_F(Ci, LooksAtTheFormWhereItCanAndSaysSoAtTheEnd) {
  const auto ended = judge(0);
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_NE(ended.output.find("=== make format-check took"), std::string::npos) << ended.output;
  EXPECT_NE(ended.output.find("ci: the form of the sources: looked at\n"), std::string::npos) << ended.output;

  write("scripts/setup_dev", "#!/bin/sh\nexit 75\n");
  const auto without = judge(0);
  EXPECT_EQ(without.exit_code, 0) << without.output;
  EXPECT_EQ(without.output.find("make format-check"), std::string::npos) << without.output;
  EXPECT_NE(without.output.find("ci: the form of the sources: NOT looked at"), std::string::npos) << without.output;

  write("scripts/setup_dev", "#!/bin/sh\nexit 1\n");
  EXPECT_EQ(judge(0).exit_code, 1);
}

TEST_F(Ci, FailsWhenTheSourcesAreNotInForm) {
  write("Makefile", "demo:\n\t@echo 'trained 3 epochs, test accuracy 97.5 %'\nformat-check:\n\t@exit 1\n");
  EXPECT_NE(judge(0).exit_code, 0);
}

TEST_F(Ci, FailsWhereATestWasSkippedForWantOfWhatIsInstalled) {
  const auto judge_skip = [&](const std::string& why) {
    write("build/release/Testing/Temporary/LastTest.log",
          "tests/a_test.cpp:7: Skipped\n" + why + "\n\n[  SKIPPED ] A.Test (0 ms)\n");
    return judge(0);
  };
  for (const std::string why :
       {"there is no groff here: scripts/setup --live installs it",
        "no Python with torch: set MILLRACE_PYTHON to what scripts/setup_live prints",
        "hdf5: 'plain.h5' needs libhdf5, which this build of Millrace is without: install libhdf5-dev"}) {
    const auto ended = judge_skip(why);
    EXPECT_EQ(ended.exit_code, 1) << ended.output;
    EXPECT_NE(ended.output.find("ci:   " + why + "\n"), std::string::npos) << ended.output;
  }
  EXPECT_EQ(judge_skip("no pseudo-terminals here").exit_code, 0);
}

TEST_F(Ci, CountsTheSkippedTestsInItsLastLines) {
  const auto ended = judge(0);
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_NE(ended.output.find("test beside /a/python"), std::string::npos) << ended.output;
  const size_t counted = ended.output.find("ci: 2 tests were skipped\n");
  ASSERT_NE(counted, std::string::npos) << ended.output;
  EXPECT_NE(ended.output.find("Compared.WithTorch", counted), std::string::npos) << ended.output;
  EXPECT_NE(ended.output.find("Deep.InAsan/3", counted), std::string::npos) << ended.output;
}

}  // namespace
}  // namespace millrace
