#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::detail {

/// Throws std::runtime_error with the place in front: "train.csv:17:5: what". Lines and columns count from 1, columns
/// in bytes.
[[noreturn]] void fail_at(const std::string& file, size_t line, size_t column, const std::string& what);

struct CsvField {
  std::string text;  ///< The field's text, without quotes.
  size_t line = 0;   ///< The line that the field begins in, counted as in fail_at().
  size_t column = 0;
};

/// Reads comma-separated values as RFC 4180 defines them: fields may be quoted, and then hold commas, line ends and
/// doubled quotes; lines end with LF, CRLF or CR. A byte order mark is skipped, as are empty lines. Semicolons, tabs or
/// bars separate fields where the first line has more of them than commas.
class CsvReader {
 public:
  /// Reads `text`, which it borrows and which stands in `file`.
  CsvReader(std::string file, std::string_view text);

  /// Reads the next record into `fields`, whose strings are used again; false at the end. Throws as fail_at().
  bool next(std::vector<CsvField>& fields);

 private:
  size_t column() const { return at_ - line_begin_ + 1; }
  bool at_line_end() const;
  void end_line();
  void read_field(CsvField& field);
  void read_quoted(CsvField& field);

  std::string file_;
  std::string_view text_;
  char separator_ = ',';
  size_t at_ = 0;
  size_t line_ = 1;
  size_t line_begin_ = 0;
};

}  // namespace millrace::detail
