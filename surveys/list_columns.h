#pragma once

#include <string>
#include <vector>

namespace millrace::surveys {

/// The first rows of a file that lists pictures.
struct ListColumns {
  std::vector<std::string> names;              ///< Of the columns; "" where the file names none.
  std::vector<std::vector<std::string>> rows;  ///< As many values as there are names.
};

/// Reads them, CSV, JSON lines or .txt by the file's ending. Values of JSON that are no texts are as JSON writes them.
/// Throws std::runtime_error.
ListColumns read_first_rows(const std::string& path);

}  // namespace millrace::surveys
