#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "millrace/records/run_lock.h"

namespace millrace::records {

/// The folder in which a run keeps everything that it writes, and the list of what is in it. One process has it at a
/// time (RunLock). Not thread-safe.
class RunDirectory {
 public:
  /// Makes parent/name, or parent/name-2, parent/name-3 where that is taken, and `parent` where it is missing. Two
  /// programs that ask for the same name at the same time get two folders. Throws SyscallError.
  static RunDirectory make(const std::string& parent, const std::string& name);

  /// Throws SyscallError where make() could make no folder in that parent, or std::runtime_error for a file, and leaves
  /// nothing behind: a folder is made and removed where the first missing one would be. A process that dies in between
  /// leaves an empty one.
  static void require_possible(const std::string& parent);

  /// That of a run which is to go on. Removes what it left under passing names (NewFile) when it was killed. Throws
  /// std::runtime_error for a folder that is none, and where another process has it.
  static RunDirectory open(const std::string& path);

  const std::string& path() const { return path_; }

  /// The path of a file or folder in it, which the caller writes; `about` says in a few words what it will be. Asked
  /// again for the same name, it gives the same.
  std::string file(std::string_view name, std::string_view about);

  /// Writes config.yaml whole, in the place of one that is there.
  void write_config(std::string_view yaml);

  /// What is where, a line for each file that was asked for and is there: "runs/digits-2/metrics.csv   loss and
  /// accuracy".
  std::string overview() const;

 private:
  struct Entry {
    std::string path;
    std::string about;
  };

  explicit RunDirectory(std::string path);

  std::string path_;
  RunLock lock_;
  std::vector<Entry> entries_;
};

}  // namespace millrace::records
