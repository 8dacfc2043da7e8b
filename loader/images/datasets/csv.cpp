#include "millrace/loader/images/datasets/csv.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "millrace/sharing/os/printable.h"

namespace millrace::detail {

void fail_at(const std::string& file, size_t line, size_t column, const std::string& what) {
  throw std::runtime_error(printable(file) + ":" + std::to_string(line) + ":" + std::to_string(column) + ": " +
                           printable(what, 500));
}

namespace {

/// The separator that the first line has most of, outside quotes.
char separator_of(std::string_view text) {
  constexpr std::string_view kSeparators = ",;\t|";
  std::array<size_t, kSeparators.size()> counts = {};
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '\n' || c == '\r') break;
    if (const size_t which = kSeparators.find(c); which != kSeparators.npos) ++counts[which];
  }
  return kSeparators[static_cast<size_t>(std::ranges::max_element(counts) - counts.begin())];
}

}  // namespace

CsvReader::CsvReader(std::string file, std::string_view text) : file_(std::move(file)), text_(text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text_.starts_with(kByteOrderMark)) at_ = line_begin_ = kByteOrderMark.size();
  const size_t first = std::min(text_.find_first_not_of("\r\n", at_), text_.size());
  separator_ = separator_of(text_.substr(first));
}

/// Whether a line ends here, which it also does at the end of the text.
bool CsvReader::at_line_end() const {
  const auto rest = text_.substr(at_);
  return rest.empty() || rest.starts_with('\n') || rest.starts_with('\r');
}

void CsvReader::end_line() {
  if (at_ < text_.size()) at_ += text_.substr(at_).starts_with("\r\n") ? 2 : 1;
  ++line_;
  line_begin_ = at_;
}

bool CsvReader::next(std::vector<CsvField>& fields) {
  while (at_ < text_.size() && at_line_end()) end_line();
  if (at_ == text_.size()) return false;
  size_t count = 0;
  for (bool more = true; more; ++count) {
    if (count == fields.size()) fields.emplace_back();
    read_field(fields[count]);
    more = !at_line_end();
    if (more) ++at_;  // A separator, since the field ended.
  }
  fields.resize(count);
  end_line();
  return true;
}

void CsvReader::read_field(CsvField& field) {
  field.text.clear();
  field.line = line_;
  field.column = column();
  if (at_ < text_.size() && text_[at_] == '"') return read_quoted(field);
  const size_t begin = at_;
  const std::array stops = {separator_, '"', '\r', '\n'};
  for (;; ++at_) {
    at_ = std::min(text_.find_first_of(std::string_view(stops.data(), stops.size()), at_), text_.size());
    if (at_line_end() || text_[at_] == separator_) break;
    if (text_[at_] == '"')
      fail_at(file_, line_, column(), "a quote inside a field: put the whole field in quotes, and double those in it");
  }
  field.text.assign(text_.substr(begin, at_ - begin));
}

void CsvReader::read_quoted(CsvField& field) {
  ++at_;
  for (;;) {
    const size_t end = std::min(text_.find_first_of("\"\r\n", at_), text_.size());
    field.text.append(text_.substr(at_, end - at_));
    at_ = end;
    if (at_ == text_.size())
      fail_at(file_, field.line, field.column, "a quoted field without an end: close its quotes");
    const char c = text_[at_++];
    if (c == '\n' || c == '\r') {
      field.text += c;
      if (c == '\r' && text_.substr(at_).starts_with('\n')) continue;  // The line feed behind it ends the line.
      ++line_;
      line_begin_ = at_;
    } else if (at_ < text_.size() && text_[at_] == '"') {
      field.text += text_[at_++];
    } else {
      break;
    }
  }
  if (!at_line_end() && text_[at_] != separator_)
    fail_at(file_, line_, column(), "text behind a quoted field: put a comma, or double the quotes inside the field");
}

}  // namespace millrace::detail
