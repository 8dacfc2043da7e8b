#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "millrace/sharing/os/owned_fd.h"

namespace millrace::apps {

/// The folder of `millrace bench --make-data`: bench.yaml, and the parts of the data in the folder "data" beside it.
/// From before the first part until behind the last, bench.yaml has a line in its place that says so: so what a killed
/// run left is known for what it is, and goes like what a run left that ended well. One process has the folder at a
/// time.
class DataFolder {
 public:
  /// Whether bench.yaml says what --make-data would write for so many files.
  using IsOwn = std::function<bool(const std::string& text, int64_t files)>;

  /// Makes the folder where it is not there. Throws std::runtime_error where anything else is in it, a bench.yaml that
  /// somebody has changed, or a process that makes data there; SyscallError.
  DataFolder(std::filesystem::path folder, const IsOwn& is_own);

  /// Removes what was made before, which would be read with the new, and says in bench.yaml that data is being made.
  void begin();

  /// Writes a part whose name is free.
  void write_part(const std::string& name, const std::string& bytes) const;

  /// Says that all parts are there, and how they are read.
  void finish(const std::string& configuration) const;

  std::filesystem::path data() const { return folder_ / "data"; }

 private:
  void lock();
  void find_parts();

  std::filesystem::path folder_;
  OwnedFd lock_;
  std::vector<std::filesystem::path> made_;  // What was made before, without bench.yaml.
  bool has_parts_ = false;                   // Or pieces of some.
  int64_t files_ = 0;                        // Whole parts, without what readers put beside them.
};

}  // namespace millrace::apps
