#include "millrace/surveys/list_columns.h"

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string_view>

#include "millrace/loader/datasets/mapped_file.h"
#include "millrace/loader/datasets/plain_text.h"
#include "millrace/loader/images/datasets/csv.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::surveys {
namespace {

constexpr size_t kRows = 100;
constexpr size_t kBytes = 1 << 20;  // Of a long file its beginning says what its columns are.

ListColumns first_of_csv(const std::string& path, std::string_view text) {
  ListColumns columns;
  detail::CsvReader reader(path, text);
  std::vector<detail::CsvField> fields;
  while (columns.rows.size() < kRows && reader.next(fields)) {
    std::vector<std::string> row;
    for (const auto& field : fields) row.push_back(field.text);
    if (columns.names.empty())
      columns.names = std::move(row);
    else if (row.size() == columns.names.size())  // What else there is, the dataset complains of.
      columns.rows.push_back(std::move(row));
  }
  return columns;
}

ListColumns first_of_json_lines(const std::string& path, std::string_view text) {
  ListColumns columns;
  std::istringstream lines{std::string(text)};
  for (std::string line; columns.rows.size() < kRows && std::getline(lines, line);) {
    const auto object = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!object.is_object()) {
      if (columns.rows.empty()) throw std::runtime_error(in_quotes(path) + " has no JSON object in its first line");
      break;
    }
    if (columns.names.empty())
      for (const auto& [name, value] : object.items()) columns.names.push_back(name);
    std::vector<std::string> row;
    for (const auto& name : columns.names) {
      const auto value = object.value(name, nlohmann::json());
      row.push_back(value.is_string() ? value.get<std::string>() : value.is_null() ? "" : value.dump());
    }
    columns.rows.push_back(std::move(row));
  }
  return columns;
}

ListColumns first_of_list(std::string_view text) {
  ListColumns columns{{"", ""}, {}};
  std::istringstream lines{std::string(text)};
  for (std::string line; columns.rows.size() < kRows && std::getline(lines, line);) {
    if (line.ends_with('\r')) line.pop_back();
    const size_t tab = line.find('\t'), between = tab == std::string::npos ? line.rfind(' ') : tab;
    if (between == std::string::npos)
      columns.rows.push_back({line, ""});
    else
      columns.rows.push_back({line.substr(0, between), line.substr(between + 1)});
  }
  return columns;
}

}  // namespace

ListColumns read_first_rows(const std::string& path) {
  const detail::MappedFile file(path);
  const auto bytes = file.bytes();
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.size() > kBytes) text = text.substr(0, text.rfind('\n', kBytes) + 1);
  text = detail::plain_text(text);
  const std::string ending = std::filesystem::path(path).extension().string();
  if (ending == ".csv" || ending == ".tsv") return first_of_csv(path, text);
  if (ending == ".txt") return first_of_list(text);
  return first_of_json_lines(path, text);
}

}  // namespace millrace::surveys
