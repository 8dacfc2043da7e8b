#include "millrace/records/metrics_csv.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>

#include "millrace/sharing/os/new_file.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/whole_number.h"

namespace millrace::records {
namespace {

// As RFC 4180 has it: a cell that could be taken for several stands in quotes, and quotes in it are doubled.
std::string cell_of(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == text.npos) return std::string(text);
  std::string cell = "\"";
  for (const char c : text) cell.append(c == '"' ? 2 : 1, c);
  return cell + "\"";
}

std::string cell_of(double value) {
  std::array<char, 32> text;
  return {text.data(), std::to_chars(text.begin(), text.end(), value).ptr};
}

std::string header_of(std::string_view counter, const std::vector<std::string>& columns) {
  std::string header = cell_of(counter);
  for (const std::string& column : columns) header += "," + cell_of(column);
  return header + "\n";
}

void require_different(const std::vector<std::string>& columns) {
  for (auto column = columns.begin(); column != columns.end(); ++column)
    if (std::find(columns.begin(), column, *column) != column)
      throw std::invalid_argument("a CSV file of metrics with two columns " + in_quotes(*column));
}

void write_whole(const std::string& path, std::string_view text) {
  NewFile file(path);
  file.write(std::as_bytes(std::span(text)));
  file.commit_to_disk();
}

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The step or epoch of a row. Nothing for what is no row.
std::optional<int64_t> count_of(std::string_view row) {
  return detail::whole_number<int64_t>(row.substr(0, row.find(',')));
}

// The whole rows of a text that are of `last` and of what was before.
std::string rows_until(int64_t last, std::string_view text) {
  std::string rows;
  for (size_t end = text.find('\n'); end != text.npos; end = text.find('\n')) {
    const std::string_view row = text.substr(0, end + 1);
    const auto count = count_of(row.substr(0, end));
    if (count && *count <= last) rows.append(row);
    text.remove_prefix(end + 1);
  }
  return rows;
}

}  // namespace

MetricsCsv MetricsCsv::begin(const std::string& path, std::string_view counter, std::vector<std::string> columns) {
  require_different(columns);
  write_whole(path, header_of(counter, columns));
  return {path, std::move(columns)};
}

MetricsCsv MetricsCsv::resume(const std::string& path, std::string_view counter, std::vector<std::string> columns,
                              int64_t last) {
  if (!std::filesystem::exists(path)) return begin(path, counter, std::move(columns));
  const std::string header = header_of(counter, columns);
  const std::string text = text_of(path);
  if (!text.starts_with(header))
    throw std::runtime_error(in_quotes(path) + " has other columns than this run, " +
                             in_quotes(text.substr(0, text.find('\n'))) + " and not " +
                             in_quotes(header.substr(0, header.size() - 1)) +
                             ": go on with the configuration that the run began with, or move the file away");
  write_whole(path, header + rows_until(last, std::string_view(text).substr(header.size())));
  return {path, std::move(columns)};
}

MetricsCsv::MetricsCsv(const std::string& path, std::vector<std::string> columns)
    : columns_(std::move(columns)), file_(AppendFile::open(path)) {}

void MetricsCsv::append(int64_t count, const std::vector<Metric>& metrics) {
  std::vector<std::string> cells(columns_.size());
  for (const Metric& metric : metrics) {
    const auto column = std::find(columns_.begin(), columns_.end(), metric.name);
    if (column == columns_.end())
      throw std::invalid_argument(in_quotes(metric.name) + " is no column of " + in_quotes(file_.path()) +
                                  ": declare it where the file is begun");
    cells[static_cast<size_t>(column - columns_.begin())] = cell_of(metric.value);
  }
  std::string row = std::to_string(count);
  for (const std::string& cell : cells) row += "," + cell;
  file_.append(row + "\n");
}

}  // namespace millrace::records
