#include "millrace/training/schedule.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <numbers>
#include <string>

#include "millrace/configs/read_keys.h"
#include "millrace/configs/tables/optimizer_keys.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/notice.h"

namespace millrace::training {
namespace {

namespace tables = configs::tables;

// From 1 at 0 to 0 at 1.
double half_cosine(double at) { return (1 + std::cos(std::numbers::pi * std::clamp(at, 0.0, 1.0))) / 2; }

double between(double from, double to, double share_of_from) { return to + (from - to) * share_of_from; }

double warm_up_steps(const tables::WarmUp& warm_up, const StepPlace& place) {
  return warm_up.warmup_epochs * static_cast<double>(place.steps_per_epoch);
}

// The first step has a share above 0, the last of them 1.
double warmed_up(const tables::WarmUp& warm_up, const StepPlace& place) {
  const double steps = warm_up_steps(warm_up, place);
  return steps > 0 ? std::min(1.0, static_cast<double>(place.step + 1) / steps) : 1.0;
}

// How much of what follows the warm-up has passed, 0 to 1.
double passed(const tables::WarmUp& warm_up, const StepPlace& place) {
  const double before = warm_up_steps(warm_up, place);
  const double left = static_cast<double>(place.steps) - before;
  return left > 0 ? std::clamp((static_cast<double>(place.step) - before) / left, 0.0, 1.0) : 1.0;
}

double share(const tables::Constant& keys, const StepPlace& place) { return warmed_up(keys.warm_up, place); }

double share(const tables::Cosine& keys, const StepPlace& place) {
  return warmed_up(keys.warm_up, place) * between(1, keys.last, half_cosine(passed(keys.warm_up, place)));
}

double share(const tables::Step& keys, const StepPlace& place) {
  const double epoch = static_cast<double>(place.step) / static_cast<double>(place.steps_per_epoch);
  const auto times = std::count_if(keys.epochs.begin(), keys.epochs.end(), [&](double at) { return epoch >= at; });
  return warmed_up(keys.warm_up, place) * std::pow(keys.factor, times);
}

double share(const tables::OneCycle& keys, const StepPlace& place) {
  const double step = static_cast<double>(place.step);
  const double top = keys.rise * static_cast<double>(place.steps) - 1;
  if (step <= top) return between(keys.first, 1, half_cosine(top > 0 ? step / top : 1));
  const double down = static_cast<double>(place.steps) - 1 - top;
  return between(1, keys.last, half_cosine(down > 0 ? (step - top) / down : 1));
}

// "2", "2.5".
std::string number_text(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", number);
  return text;
}

void check_drops(const tables::Step& keys, const configs::Node& schedule, int64_t epochs) {
  const auto& drops = keys.epochs;
  if (drops.empty()) return;
  const bool grows = std::adjacent_find(drops.begin(), drops.end(), std::greater_equal<>()) == drops.end();
  if (!grows || drops.front() < 0)
    throw schedule["epochs"].error("expected epochs from 0 on, each later than the one before, such as [30, 60]");
  if (drops.back() >= static_cast<double>(epochs))
    tell(NoticeLevel::kWarning, "schedule.epochs: the drop at epoch " + number_text(drops.back()) +
                                    " never comes, since training has " + counted(epochs, "epoch"));
}

void check_warm_up(const tables::WarmUp& keys, int64_t epochs) {
  if (keys.warmup_epochs >= static_cast<double>(epochs))
    tell(NoticeLevel::kWarning, "schedule.warmup_epochs: the warm-up takes all of " + counted(epochs, "epoch") +
                                    ", and the whole rate is never kept; set it below, or 0");
}

}  // namespace

void check_schedule(const configs::Node& schedule, int64_t epochs) {
  configs::read_type(schedule, tables::NamedSchedules(), [&](const auto& keys) {
    if constexpr (requires { keys.warm_up; }) check_warm_up(keys.warm_up, epochs);
    if constexpr (requires { keys.epochs; }) check_drops(keys, schedule, epochs);
    return 0;
  });
}

Schedule read_schedule(const configs::Node& schedule) {
  return configs::read_type(schedule, tables::NamedSchedules(), [](const auto& keys) {
    return Schedule([keys](const StepPlace& place) { return share(keys, place); });
  });
}

}  // namespace millrace::training
