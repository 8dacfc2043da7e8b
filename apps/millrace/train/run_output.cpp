#include "millrace/apps/millrace/train/run_output.h"

#include <cstdio>
#include <utility>

#include "millrace/apps/millrace/told_notices.h"

namespace millrace::apps {

void RunOutput::tell(const RunLine& told) {
  form_ == Form::kJson ? print(told.line) : static_cast<void>(std::puts(told.text.c_str()));
  log(told.text);
}

void RunOutput::notice(NoticeLevel level, std::string_view text) {
  if (form_ == Form::kJson) print({{"event", level == NoticeLevel::kError ? "error" : "warning"}, {"text", text}});
  log(told_line(level, text));
}

// Directories may be no UTF-8.
void RunOutput::print(const nlohmann::json& line) const {
  std::puts(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
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
