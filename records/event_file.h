#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/records/append_file.h"
#include "millrace/records/event.h"
#include "millrace/records/metric.h"
#include "millrace/records/wall_clock.h"

namespace millrace::records {

/// A TensorBoard event file: scalars, texts and pictures of a run, for `tensorboard --logdir`. Each add_ call is with
/// the kernel when it returns; an event that a killed program left half written is passed over by TensorBoard. Steps
/// begin at 0 and need not be consecutive. Throws SyscallError. Not thread-safe.
class EventFile {
 public:
  /// A new file in a folder that is there, for a run that begins.
  static EventFile begin(const std::string& folder, WallClock clock = system_wall_clock);

  /// A new file beside those that a run wrote before it was stopped; the run goes on with `first_step`. TensorBoard
  /// drops what the others have of this step and of later ones.
  static EventFile resume(const std::string& folder, int64_t first_step, WallClock clock = system_wall_clock);

  void add_scalars(int64_t step, const std::vector<Metric>& scalars);

  /// Markdown.
  void add_text(int64_t step, std::string_view tag, std::string_view text);

  void add_image(int64_t step, std::string_view tag, const EncodedImage& image);

  const std::string& path() const { return file_.path(); }

 private:
  EventFile(const std::string& folder, WallClock clock);

  void add(std::string_view event);

  WallClock clock_;
  AppendFile file_;
};

}  // namespace millrace::records
