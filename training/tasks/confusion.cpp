#include "millrace/training/tasks/confusion.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/bincount.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <cstdio>
#include <limits>

namespace millrace::training {
namespace {

// The part of the whole, NaN of nothing.
double ratio(int64_t part, int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : std::numeric_limits<double>::quiet_NaN();
}

// Empty where there is none.
std::string number(double value) {
  if (std::isnan(value)) return "";
  char text[32];
  std::snprintf(text, sizeof text, "%.4f", value);
  return text;
}

// What of one class's row and column is asked for.
struct OfClass {
  int64_t right = 0;
  int64_t targets = 0;
  int64_t guesses = 0;
};

OfClass of_class(const at::Tensor& counts, int64_t number) {
  return {counts[number][number].item<int64_t>(), counts[number].sum().item<int64_t>(),
          counts.select(1, number).sum().item<int64_t>()};
}

double intersection_over_union(const OfClass& it) { return ratio(it.right, it.targets + it.guesses - it.right); }

}  // namespace

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

void Confusion::add(const at::Tensor& guess, const at::Tensor& target) {
  const auto known = target.ge(0).logical_and(target.lt(classes_));
  const auto cells = target.masked_select(known).to(at::kLong) * classes_ + guess.masked_select(known).to(at::kLong);
  const auto counts = at::bincount(cells, {}, classes_ * classes_).view({classes_, classes_});
  counts_ = counts_.defined() ? counts_ + counts : counts;
}

at::Tensor Confusion::counts() const {
  return counts_.defined() ? counts_.cpu() : at::zeros({classes_, classes_}, at::kLong);
}

double Confusion::accuracy() const {
  const auto all = counts();
  const auto total = all.sum().item<int64_t>();
  return total > 0 ? ratio(all.trace().item<int64_t>(), total) : 0;
}

std::vector<double> Confusion::intersections_over_unions() const {
  const auto all = counts();
  std::vector<double> values;
  for (int64_t i = 0; i < classes_; ++i) values.push_back(intersection_over_union(of_class(all, i)));
  return values;
}

std::string Confusion::table(const std::vector<std::string>& names) const {
  const auto all = counts();
  std::string text = "class,samples,precision,recall,iou";
  for (const auto& name : names) text += "," + csv_field("as " + name);
  text += "\n";
  for (int64_t i = 0; i < classes_; ++i) {
    const OfClass it = of_class(all, i);
    text += csv_field(names[static_cast<size_t>(i)]) + "," + std::to_string(it.targets) + "," +
            number(ratio(it.right, it.guesses)) + "," + number(ratio(it.right, it.targets)) + "," +
            number(intersection_over_union(it));
    for (int64_t j = 0; j < classes_; ++j) text += "," + std::to_string(all[i][j].item<int64_t>());
    text += "\n";
  }
  return text;
}

}  // namespace millrace::training
