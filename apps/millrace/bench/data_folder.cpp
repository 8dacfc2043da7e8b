#include "millrace/apps/millrace/bench/data_folder.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstddef>
#include <regex>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "millrace/sharing/os/new_file.h"
#include "millrace/sharing/os/output_place.h"
#include "millrace/sharing/os/passing_name.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace::apps {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kConfiguration = "bench.yaml";
constexpr std::string_view kBeingMade =
    "# millrace bench --make-data makes data here, or was ended before it had made all; call it again.\n";

[[noreturn]] void refuse(const fs::path& folder, const std::string& why) {
  throw std::runtime_error("--make-data: the folder " + in_quotes(folder.string()) + " has " + why +
                           "; take another folder, or remove what is in this one");
}

// The name that a file has, or that it was to have when its writer was ended.
std::string final_name(const fs::path& path) {
  const std::string name = path.filename().string();
  return std::string(detail::name_behind(name).value_or(name));
}

void write(const fs::path& path, std::string_view bytes) {
  NewFile file(path.string());
  file.write(std::as_bytes(std::span(bytes)));
  file.commit();
}

}  // namespace

DataFolder::DataFolder(fs::path folder, const IsOwn& is_own) : folder_(std::move(folder)) {
  try {
    millrace::detail::make_folders(folder_.string());
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(std::string("--make-data: ") + error.what());
  }
  lock();
  const fs::path configuration = folder_ / kConfiguration;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    if (entry.path() == data() || entry.path() == configuration) continue;
    if (final_name(entry.path()) != kConfiguration)
      refuse(folder_, in_quotes(entry.path().filename().string()) + ", which it did not write");
    made_.push_back(entry.path());
  }
  if (fs::exists(data()) && !fs::is_directory(data())) refuse(folder_, "a file 'data', which it did not write");
  if (fs::exists(data())) find_parts();
  if (!fs::exists(configuration)) {
    if (has_parts_) refuse(folder_, "data without the bench.yaml that it wrote");
    return;
  }
  constexpr size_t kMost = 1 << 20;
  const std::string text = detail::read_regular(configuration.string(), kMost);
  // NewFile leaves no empty one, a machine that went down may.
  if (!text.empty() && text != kBeingMade && !is_own(text, files_))
    refuse(folder_, "a 'bench.yaml' that is not as it would write it for the files there");
}

void DataFolder::lock() {
  lock_ = OwnedFd(
      MILLRACE_SYSCALL(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), printable(folder_.string())));
  // Where the file system has no locks nobody is kept out.
  if (detail::retry_interrupted([&] { return ::flock(lock_.get(), LOCK_EX | LOCK_NB); }) != 0 && errno == EWOULDBLOCK)
    throw std::runtime_error("--make-data: another millrace bench --make-data writes into " +
                             in_quotes(folder_.string()) + "; wait for its end, or take another folder");
}

void DataFolder::find_parts() {
  static const std::regex kPart("part-[0-9]{5,}\\.(npz|jpg|tfrecord)(\\.index)?"), kIndex(".*\\.index");
  for (const auto& entry : fs::directory_iterator(data())) {
    const std::string name = entry.path().filename().string(), meant = final_name(entry.path());
    if (!entry.is_regular_file() || !std::regex_match(meant, kPart))
      refuse(folder_, in_quotes("data/" + name) + ", which it did not write");
    made_.push_back(entry.path());
    has_parts_ = true;
    if (name == meant && !std::regex_match(name, kIndex)) ++files_;
  }
}

void DataFolder::begin() {
  write(folder_ / kConfiguration, kBeingMade);
  for (const fs::path& path : made_) fs::remove(path);
  millrace::detail::make_folders(data().string());
}

void DataFolder::write_part(const std::string& name, const std::string& bytes) const { write(data() / name, bytes); }

void DataFolder::finish(const std::string& configuration) const { write(folder_ / kConfiguration, configuration); }

}  // namespace millrace::apps
