#include "millrace/training/curves.h"

#include <cstddef>
#include <fstream>
#include <span>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "millrace/plots/line_chart.h"
#include "millrace/sharing/os/new_file.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::training {
namespace {

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream text(line);
  for (std::string cell; std::getline(text, cell, ',');) cells.push_back(cell);
  return cells;
}

// A line through each column, over the first one.
std::vector<plots::Series> read_columns(const std::string& csv) {
  std::ifstream file(csv);
  std::string line;
  if (!std::getline(file, line)) throw std::runtime_error(in_quotes(csv) + " has no header");
  std::vector<plots::Series> columns;
  for (const auto& name : cells_of(line)) columns.push_back({name, {}});
  while (std::getline(file, line)) {
    const auto cells = cells_of(line);
    for (size_t i = 1; i < cells.size() && i < columns.size(); ++i)
      if (!cells[i].empty()) columns[i].points.push_back({std::stod(cells[0]), std::stod(cells[i])});
  }
  return columns;
}

void write_chart(const plots::LineChart& chart, const std::string& path) {
  const std::string svg = plots::to_svg(chart);
  NewFile file(path);
  file.write(std::as_bytes(std::span(svg)));
  file.commit();
}

}  // namespace

std::vector<std::string> write_curves(const std::string& csv, const std::string& folder) {
  constexpr std::string_view kTest = "test_";
  plots::LineChart loss{.title = "loss", .x_label = "epoch", .y_label = "loss", .series = {}};
  std::vector<plots::LineChart> charts;
  for (auto& column : read_columns(csv)) {
    if (column.name == "train_loss" || column.name == "test_loss") {
      column.name = column.name.substr(0, column.name.find('_'));
      loss.series.push_back(std::move(column));
    } else if (column.name.starts_with(kTest)) {
      const std::string measure = column.name.substr(kTest.size());
      column.name = "test";
      charts.push_back({.title = measure, .x_label = "epoch", .y_label = measure, .series = {std::move(column)}});
    }
  }
  charts.push_back(std::move(loss));
  std::vector<std::string> names;
  for (const auto& chart : charts) {
    names.push_back(chart.title + ".svg");
    write_chart(chart, folder + "/" + names.back());
  }
  return names;
}

}  // namespace millrace::training
