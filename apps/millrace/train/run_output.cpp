#include "millrace/apps/millrace/train/run_output.h"

#include <cstdio>
#include <utility>

namespace millrace::apps {

void RunOutput::tell(const RunLine& told) {
  // Directories may be no UTF-8.
  const std::string in_json = told.line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::printf("%s\n", (form_ == Form::kJson ? in_json : told.text).c_str());
  log(told.text);
}

void RunOutput::log(const std::string& line) {
  const std::lock_guard lock(mutex_);
  if (journal_)
    journal_->line(line);
  else
    told_before_.push_back(line);
}

void RunOutput::keep_in(training::Journal journal) {
  const std::lock_guard lock(mutex_);
  journal_.emplace(std::move(journal));
  for (const auto& line : std::exchange(told_before_, {})) journal_->line(line);
}

}  // namespace millrace::apps
