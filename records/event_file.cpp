#include "millrace/records/event_file.h"

#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "millrace/records/tf_record.h"
#include "millrace/sharing/os/syscall.h"
#include "millrace/sharing/os/whole_number.h"

namespace millrace::records {
namespace {

// TensorBoard takes any file with "tfevents" in its name.
constexpr std::string_view kPrefix = "events.out.tfevents.";

std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  MILLRACE_SYSCALL(::gethostname(name.data(), name.size()));
  return name.data();
}

// The second in the name of an event file; 0 for any other file.
int64_t second_in(std::string_view name) {
  if (!name.starts_with(kPrefix)) return 0;
  name.remove_prefix(kPrefix.size());
  return detail::whole_number<int64_t>(name.substr(0, name.find('.'))).value_or(0);
}

// TensorBoard reads the files of a folder in the order of their names, so the second in a name is later than those that
// are there, even where a run goes on within a second or a clock was set back.
std::string name_for_next(const std::string& folder, double now) {
  auto second = static_cast<int64_t>(now);
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    second = std::max(second, second_in(entry.path().filename().string()) + 1);
  return std::string(kPrefix) + std::to_string(second) + "." + host_name() + "." + std::to_string(::getpid());
}

}  // namespace

EventFile EventFile::begin(const std::string& folder, WallClock clock) { return {folder, std::move(clock)}; }

EventFile EventFile::resume(const std::string& folder, int64_t first_step, WallClock clock) {
  EventFile file(folder, std::move(clock));
  file.add(start_event(file.clock_(), first_step));
  return file;
}

EventFile::EventFile(const std::string& folder, WallClock clock)
    : clock_(std::move(clock)), file_(AppendFile::make(folder + "/" + name_for_next(folder, clock_()))) {
  add(version_event(clock_()));
}

void EventFile::add_scalars(int64_t step, const std::vector<Metric>& scalars) {
  add(scalars_event(clock_(), step, scalars));
}

void EventFile::add_text(int64_t step, std::string_view tag, std::string_view text) {
  add(text_event(clock_(), step, tag, text));
}

void EventFile::add_image(int64_t step, std::string_view tag, const EncodedImage& image) {
  add(image_event(clock_(), step, tag, image));
}

void EventFile::add(std::string_view event) { file_.append(tf_record(event)); }

}  // namespace millrace::records
