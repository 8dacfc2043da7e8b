#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "millrace/apps/millrace/commands.h"
#include "millrace/apps/millrace/front/commands/exit.h"
#include "millrace/apps/millrace/progress.h"
#include "millrace/apps/millrace/told_notices.h"
#include "millrace/loader/images/datasets/manifest_options.h"
#include "millrace/loader/images/datasets/shard_classes.h"
#include "millrace/packing/pack.h"
#include "millrace/packing/plan.h"
#include "millrace/packing/resize.h"
#include "millrace/packing/sources.h"
#include "millrace/packing/verify.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/new_file.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"
#include "millrace/surveys/place.h"
#include "millrace/training/stop_request.h"

namespace millrace::apps {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr double kMegabyte = 1e6;
constexpr size_t kNamed = 20;  // Of many broken samples or damages the first are enough.

std::string megabytes(uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f MB", static_cast<double>(bytes) / kMegabyte);
  return text;
}

// Paths may be no UTF-8.
void print_line(const json& line) { std::puts(line.dump(-1, ' ', false, json::error_handler_t::replace).c_str()); }

// "image=file,label=class" in the words of the manifest's options.
ImageManifestOptions read_columns(std::string_view text) {
  ImageManifestOptions options;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find(','));
    text.remove_prefix(std::min(one.size() + 1, text.size()));
    const size_t equals = std::min(one.find('='), one.size());
    const std::string_view key = one.substr(0, equals);
    const std::string value(one.substr(std::min(equals + 1, one.size())));
    if (key == "label_type" && (value == "class" || value == "number"))
      options.label_type = value == "class" ? LabelType::kClass : LabelType::kNumber;
    else if (key == "root")
      options.root = value;
    else if (key == "image")
      options.image = value;
    else if (key == "label")
      options.label = value;
    else if (key == "boxes")
      options.boxes = value;
    else if (key == "mask")
      options.mask = value;
    else
      throw std::invalid_argument("--columns: " + in_quotes(one) +
                                  " is none of image=, label=, boxes=, mask=, root=, label_type=class and "
                                  "label_type=number");
  }
  return options;
}

packing::PlanOptions plan_options(const commands::Pack& command) {
  packing::PlanOptions options;
  options.splits = packing::read_splits(command.split);
  options.order = command.order == commands::Pack::kSource ? packing::PackOrder::kOfSource : packing::PackOrder::kMixed;
  options.seed = command.seed;
  options.shard_bytes = command.shard_bytes;
  options.shard_samples = command.shard_samples;
  if (!command.resize.empty()) options.resize = packing::read_resize(command.resize, command.quality);
  return options;
}

packing::PackReport pack_with_progress(const packing::Source& source, const packing::Plan& plan,
                                       const commands::Pack& command) {
  packing::PackOptions options;
  options.workers = command.workers;
  if (command.skip_broken) options.broken = packing::BrokenSamples::kLeaveOut;
  if (command.overwrite) options.others = packing::OtherShards::kReplace;
  const training::StopRequest stop;
  std::optional<Progress> progress;
  return packing::pack(source, plan, options, [&](uint64_t done) {
    const auto packed = static_cast<int64_t>(done);
    if (!progress) progress.emplace("packing", "samples", static_cast<int64_t>(source.samples.size()), packed);
    progress->update(packed, [] { return std::vector<std::string>(); });
    return !stop.is_made();
  });
}

std::string classes_path(const std::string& folder) { return folder + "/" + std::string(kShardClasses); }

// What the labels' numbers stand for, a line each.
std::string classes_text(const std::vector<std::string>& classes) {
  std::string text;
  for (const std::string& name : classes) text += name + "\n";
  return text;
}

// Before anything is packed: a file of that name that pack has not written would be lost.
void require_classes_writable(const packing::Source& source, const std::string& folder, const commands::Pack& command) {
  const std::string path = classes_path(folder);
  if (source.classes.empty() || !fs::exists(path)) return;
  if (fs::is_directory(path))
    throw std::runtime_error(
        "pack: " + in_quotes(path) +
        " is a folder, and would be the names of the classes; move it away, or take another folder");
  const std::string why = "pack: " + in_quotes(path) + " would be replaced by the names of the classes";
  std::error_code error;
  if (fs::equivalent(path, millrace::detail::user_path(command.input), error))
    throw std::runtime_error(why + ", and is the list that is packed; give it another name, or take another folder");
  if (command.overwrite) return;
  const std::string text = classes_text(source.classes);
  if (fs::file_size(path) != text.size() || millrace::detail::read_regular(path, text.size()) != text)
    throw std::runtime_error(why + ", and says something else; move it away, take another folder, or give --overwrite");
}

void write_classes(const std::string& folder, const std::vector<std::string>& classes) {
  if (classes.empty()) return;
  const std::string text = classes_text(classes);
  NewFile file(classes_path(folder));
  file.write(std::as_bytes(std::span(text)));
  file.commit_to_disk();
}

double speed_of(const packing::PackReport& report) {
  return report.seconds > 0 ? static_cast<double>(report.bytes_written) / kMegabyte / report.seconds : 0;
}

void print_report(const packing::PackReport& report, const packing::Source& source, const std::string& folder) {
  for (const packing::PackedSplit& split : report.splits)
    std::printf("%s: %s in %s, %s\n", printable(split.name).c_str(), counted(split.samples, "sample").c_str(),
                counted(split.shards, "shard").c_str(), megabytes(split.bytes).c_str());
  std::string text = "packed " + counted(report.samples(), "sample");
  if (!source.classes.empty()) text += " of " + counted(source.classes.size(), "class");
  text += " into " + printable(folder) + ": " + counted(report.shards(), "shard") + ", " + megabytes(report.bytes());
  if (report.shards_found > 0)
    text +=
        ", of which " + std::to_string(report.shards_found) + (report.shards_found == 1 ? " was" : " were") + " there";
  char speed[64] = "";
  if (report.samples_written > 0)
    std::snprintf(speed, sizeof speed, "; %.1f s, %.1f MB/s", report.seconds, speed_of(report));
  std::printf("%s%s\n", text.c_str(), speed);
}

json json_of(const packing::PackReport& report, const packing::Source& source, const std::string& folder) {
  json object{{"folder", folder},          {"samples", report.samples()},  {"classes", source.classes.size()},
              {"shards", report.shards()}, {"bytes", report.bytes()},      {"shards_found", report.shards_found},
              {"seconds", report.seconds}, {"mb_per_s", speed_of(report)}, {"stopped", report.is_stopped},
              {"splits", json::array()},   {"broken", json::array()}};
  for (const packing::PackedSplit& split : report.splits)
    object["splits"].push_back(
        {{"name", split.name}, {"samples", split.samples}, {"shards", split.shards}, {"bytes", split.bytes}});
  for (const packing::BrokenSample& broken : report.broken)
    object["broken"].push_back({{"key", broken.key}, {"why", broken.why}});
  return object;
}

void tell_broken(const std::vector<packing::BrokenSample>& broken) {
  for (size_t i = 0; i < std::min(broken.size(), kNamed); ++i)
    std::fprintf(stderr, "millrace: sample %s: %s\n", in_quotes(broken[i].key).c_str(),
                 printable_lines(broken[i].why).c_str());
  if (broken.size() > kNamed)
    std::fprintf(stderr, "millrace: and %s\n", counted(broken.size() - kNamed, "other").c_str());
}

int pack_samples(const commands::Pack& command, const packing::PlanOptions& options,
                 const ImageManifestOptions& columns) {
  const ToldNotices notices([](NoticeLevel, std::string_view) {});  // Above the progress line.
  const packing::Source source = packing::list_source(command.input, columns);
  const packing::Plan plan = packing::make_plan(source.samples, command.output, options);
  require_classes_writable(source, plan.folder, command);
  const packing::PackReport report = pack_with_progress(source, plan, command);
  if (command.json)
    print_line(json_of(report, source, plan.folder));
  else if (report.is_stopped)
    std::printf("stopped: %s of %s packed; the same command goes on\n", std::to_string(report.samples()).c_str(),
                counted(source.samples.size(), "sample").c_str());
  else
    print_report(report, source, plan.folder);
  if (report.is_stopped) return kStopped;
  tell_broken(report.broken);
  if (!report.broken.empty() && !command.skip_broken)
    return fail(kWorkFailed, counted(report.broken.size(), "sample") +
                                 " could not be read, and their shards are not there; mend the files, or leave the "
                                 "samples out with --skip-broken");
  write_classes(plan.folder, source.classes);
  return kDone;
}

int verify_shards(const commands::Pack& command) {
  const std::vector<std::string> tars = packing::shards_to_verify(command.input);
  if (tars.empty()) throw std::runtime_error(in_quotes(command.input) + " has no tar files; give the shards' folder");
  std::optional<Progress> progress;
  progress.emplace("verifying", "shards", static_cast<int64_t>(tars.size()));
  const packing::VerifyReport report = packing::verify(tars, command.workers, [&](size_t done) {
    progress->update(static_cast<int64_t>(done), [] { return std::vector<std::string>(); });
  });
  progress.reset();
  if (command.json) {
    json damages = json::array();
    for (const TarDamage& damage : report.damages)
      damages.push_back({{"tar", damage.tar},
                         {"sample", damage.sample},
                         {"file", damage.file},
                         {"begin", damage.begin},
                         {"end", damage.end},
                         {"what", damage.what}});
    print_line({{"shards", report.shards}, {"bytes", report.bytes}, {"damages", damages}});
    return report.damages.empty() ? kDone : kWorkFailed;
  }
  for (size_t i = 0; i < std::min(report.damages.size(), kNamed); ++i)
    std::printf("%s\n", to_string(report.damages[i]).c_str());
  if (report.damages.size() > kNamed) std::printf("and %s\n", counted(report.damages.size() - kNamed, "other").c_str());
  const std::string read = counted(report.shards, "shard") + ", " + megabytes(report.bytes);
  if (!report.damages.empty())
    return fail(kWorkFailed, counted(report.damages.size(), "damage") + " in " + read + "; see above");
  std::printf("verified %s: each byte is what was written\n", read.c_str());
  return kDone;
}

}  // namespace

int pack(const commands::Pack& command) {
  if (command.verify) return verify_shards(command);
  packing::PlanOptions options;
  ImageManifestOptions columns;
  try {
    options = plan_options(command);
    columns = read_columns(command.columns);
  } catch (const std::invalid_argument& error) {
    return fail(kWrongUsage, error.what());
  }
  if (options.resize && !(columns.boxes.empty() && columns.mask.empty()))
    return fail(kWrongUsage, "--resize changes pictures and would leave boxes and masks as they are; take one of both");
  return pack_samples(command, options, columns);
}

}  // namespace millrace::apps
