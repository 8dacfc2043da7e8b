#pragma once

#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/sharing/os/notice.h"
#include "millrace/training/journal.h"

namespace millrace::apps {

/// What is told at a time, for people and for programs.
struct RunLine {
  std::string text;
  nlohmann::json line;
};

/// What a run says: lines on stdout, whose words are in the log of its journal too. Lines may come from any thread.
class RunOutput {
 public:
  enum class Form { kWords, kJson };

  explicit RunOutput(Form form) : form_(form) {}

  /// Prints one or the other.
  void tell(const RunLine& told);

  /// A notice, which stands on stderr as well: {"event": "warning", "text"} for programs, and a line of the log.
  void notice(NoticeLevel level, std::string_view text);

  /// For the log alone: the error that ends the run, which is printed elsewhere.
  void log(const std::string& line);

  /// From here on lines go to this journal, those first that were told before there was one.
  void keep_in(training::Journal journal);

  /// Null where a run keeps nothing. For the thread that trains.
  training::Journal* journal() { return journal_ ? &*journal_ : nullptr; }

 private:
  void print(const nlohmann::json& line) const;

  const Form form_;
  std::mutex mutex_;
  std::vector<std::string> told_before_;  // Lines of the time before there is a journal.
  std::optional<training::Journal> journal_;
};

}  // namespace millrace::apps
