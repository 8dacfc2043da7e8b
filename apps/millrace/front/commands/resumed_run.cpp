#include "millrace/apps/millrace/front/commands/resumed_run.h"

#include <filesystem>
#include <optional>
#include <stdexcept>

#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"

namespace millrace::apps {
namespace {

namespace fs = std::filesystem;

bool is_run(const fs::path& folder) { return fs::is_regular_file(folder / "config.yaml"); }

[[noreturn]] void throw_no_run(const std::string& given, const std::string& what) {
  throw std::runtime_error("--resume: " + in_quotes(given) + " " + what);
}

// What can be said of a folder that holds runs, or nothing.
[[noreturn]] void throw_folder(const std::string& given) {
  std::optional<fs::path> newest;
  int64_t runs = 0;
  for (const auto& entry : fs::directory_iterator(given)) {
    if (!is_run(entry)) continue;
    ++runs;
    if (!newest || fs::last_write_time(entry) > fs::last_write_time(*newest)) newest = entry.path();
  }
  if (newest) throw_no_run(given, "holds " + counted(runs, "run") + ", the newest is " + in_quotes(newest->string()));
  if (fs::exists(fs::path(given) / "run.lock"))
    throw_no_run(given, "is that of a run which was killed before it had written its config.yaml; begin it again");
  throw_no_run(given, "is no directory of a run, it has no config.yaml; give one below runs/");
}

}  // namespace

std::string resumed_run(const std::string& given) {
  fs::path path = detail::user_path(given);
  if (!path.has_filename()) path = path.parent_path();  // Of "runs/photos/", as shells complete it.
  if (is_run(path)) return path.string();
  if (fs::is_directory(path)) throw_folder(path.string());
  if (!fs::exists(path)) throw_no_run(given, "is not there; give the directory of a run, such as runs/photos");
  const fs::path folder = path.has_parent_path() ? path.parent_path() : ".";
  if (!is_run(folder)) throw_no_run(given, "is no directory of a run");
  if (path.filename() == "last.pt") return folder.string();
  throw_no_run(given, "is a file of the run " + in_quotes(folder.string()) +
                          ", which goes on from its last.pt: give the directory. Another run begins with the weights "
                          "of a checkpoint by weights.from");
}

}  // namespace millrace::apps
