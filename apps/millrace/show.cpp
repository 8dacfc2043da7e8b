#include <cstddef>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>

#include "millrace/apps/millrace/commands.h"
#include "millrace/apps/millrace/front/commands/exit.h"
#include "millrace/apps/millrace/progress.h"
#include "millrace/apps/millrace/show_notices.h"
#include "millrace/configs/binder.h"
#include "millrace/plots/png.h"
#include "millrace/sharing/os/new_file.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/showing/page.h"
#include "millrace/showing/read_statistics.h"
#include "millrace/showing/sheet.h"
#include "millrace/showing/shown_samples.h"
#include "millrace/showing/statistics_text.h"
#include "millrace/training/stop_request.h"

namespace millrace::apps {
namespace {

using commands::Show;
using showing::Shown;
using showing::Statistics;

void write(const std::string& path, const std::string& content) {
  NewFile file(path);
  file.write(std::as_bytes(std::span(content)));
  file.commit();
}

std::optional<Statistics> count(const showing::RunData& source, const Show& command) {
  if (command.statistics == Show::kNone) return std::nullopt;
  const auto extent = command.statistics == Show::kAll ? showing::Extent::kAll : showing::Extent::kSome;
  const training::StopRequest stop;
  std::optional<Progress> progress;
  return showing::read_statistics(source, extent,
                                  {[&](int64_t done, int64_t of) {
                                     if (!progress) progress.emplace("counting", "samples", of);
                                     progress->update(done, [] { return std::vector<std::string>(); });
                                   },
                                   [&] { return !stop.is_made(); }});
}

nlohmann::json to_json(const Statistics& statistics) {
  nlohmann::json object{{"samples", statistics.samples ? nlohmann::json(*statistics.samples) : nlohmann::json()},
                        {"read", statistics.read},
                        {"broken", statistics.broken_count},
                        {"stopped", statistics.is_stopped}};
  object["classes"] = nlohmann::json::object();
  for (const auto& [label, number] : statistics.classes)
    object["classes"][showing::class_name(statistics, label)] = number;
  object["pictures"] = nlohmann::json::array();
  for (const auto& pictures : statistics.pictures) {
    const showing::SizeRange range = range_of(pictures.sizes);
    const auto size = [](const showing::PictureSize& of) { return nlohmann::json{of.width, of.height}; };
    nlohmann::json entry{{"column", pictures.column},
                         {"least", size(range.least)},
                         {"middle", size(range.middle)},
                         {"most", size(range.most)}};
    for (const auto& channel : pictures.channels) {
      entry["mean"].push_back(channel.mean);
      entry["deviation"].push_back(channel.deviation);
    }
    object["pictures"].push_back(entry);
  }
  object["numbers"] = nlohmann::json::array();
  for (const auto& numbers : statistics.numbers) {
    nlohmann::json entry{{"column", numbers.column}, {"type", numbers.looks},
                         {"least", numbers.least},   {"most", numbers.most},
                         {"mean", numbers.mean},     {"not_finite", numbers.not_finite_samples}};
    if (numbers.not_finite_samples > 0) entry["first_not_finite"] = numbers.first_not_finite;
    object["numbers"].push_back(entry);
  }
  object["cannot_be_read"] = nlohmann::json::array();
  for (const auto& broken : statistics.broken)
    object["cannot_be_read"].push_back({{"index", broken.index}, {"name", broken.name}, {"error", broken.error}});
  return object;
}

// What was found, in words or as JSON.
void tell(const Show& command, const Shown& shown, const std::optional<Statistics>& statistics) {
  const std::string name = command.name();
  if (command.file.json) {
    nlohmann::json object{{"shown", shown.samples.size()}, {"lost", shown.lost}};
    object["files"] = {name + ".png", name + ".html"};
    if (statistics) object["statistics"] = to_json(*statistics);
    std::puts(object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    return;
  }
  if (statistics)
    for (const std::string& line : lines_of(*statistics)) std::printf("%s\n", line.c_str());
  for (const std::string& lost : shown.lost)
    std::printf("a batch that the trainer would not get: %s\n", printable(lost, 400).c_str());
  std::printf("written: %s.png, %s.html\n", printable(name).c_str(), printable(name).c_str());
}

bool leaves_out_broken(const configs::Node& pipeline) {
  const auto word = pipeline.section("loader").find("on_error");
  return word && configs::read<std::string>(*word) != "raise";
}

}  // namespace

int show(const configs::Node& run, const Show& command, const ProgramTypes& types) {
  const auto part = command.part == Show::kTest ? showing::Part::kTest : showing::Part::kTrain;
  const auto source = showing::data_of_run(run, part, types.datasets, types.transforms);
  // Each is made, and goes again: what cannot be written is told before all is read.
  for (const char* ending : {".png", ".html"}) const NewFile tried(command.name() + ending);
  const NoticesOfShow notices;
  const Shown shown = showing::read_samples(source, {command.samples, command.draws});
  if (shown.samples.empty())
    throw std::runtime_error(shown.lost.empty() ? "nothing to show: the first epoch has no batch"
                                                : "nothing to show: " + shown.lost.front());
  write(command.name() + ".png", plots::to_png(sheet_of(shown)));
  notices.leave_to_statistics();
  const auto statistics = count(source, command);
  write(command.name() + ".html", page_of(command.file.config + ", " + command.part, shown, statistics));
  tell(command, shown, statistics);
  const bool is_whole = shown.lost.empty() && (!statistics || statistics->broken_count == 0);
  return is_whole || leaves_out_broken(source.pipeline) ? kDone : kWorkFailed;
}

}  // namespace millrace::apps
