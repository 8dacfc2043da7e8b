#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

/// Scripts of the tree, run in a directory of their own among stand-ins for the commands that they call.
namespace millrace::test {

namespace fs = std::filesystem;

struct Ended {
  int exit_code;
  std::string output;
};

/// Of a shell's command line, stderr included.
inline Ended run(const std::string& command) {
  FILE* const pipe = ::popen(("exec 2>&1; " + command).c_str(), "r");
  if (!pipe) throw std::runtime_error("no shell can be started");
  std::string output;
  for (int byte = std::fgetc(pipe); byte != EOF; byte = std::fgetc(pipe)) output.push_back(static_cast<char>(byte));
  const int status = ::pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, output};
}

inline std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Scripts : public testing::Test {
 protected:
  Scripts() {
    std::string name = (fs::temp_directory_path() / "millrace_scripts_XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("no temporary directory can be made");
    directory_ = name;
  }
  ~Scripts() override {
    std::error_code left;
    fs::remove_all(directory_, left);
    EXPECT_FALSE(left) << directory_ << ": " << left.message();
  }

  /// An executable file; `path` counts from the directory.
  void write(const std::string& path, const std::string& text) const {
    fs::create_directories((directory_ / path).parent_path());
    std::ofstream(directory_ / path) << text;
    fs::permissions(directory_ / path, fs::perms::owner_all);
  }

  /// A command that is found before the machine's own where PATH begins with stand_ins().
  void stand_in(const std::string& command, const std::string& script) const {
    write("bin/" + command, "#!/bin/sh\n" + script + "\n");
    fs::permissions(directory_ / "bin" / command, fs::perms::others_exec | fs::perms::others_read,
                    fs::perm_options::add);
  }
  std::string stand_ins() const { return "PATH=" + (directory_ / "bin").string() + ":$PATH "; }

  fs::path directory_;
};

}  // namespace millrace::test
