#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "millrace/apps/millrace/commands.h"
#include "millrace/apps/millrace/progress.h"
#include "millrace/sharing/os/output_place.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/processors.h"
#include "millrace/sharing/os/shell_word.h"
#include "millrace/surveys/configuration.h"
#include "millrace/surveys/look_at.h"

namespace millrace::apps {
namespace {

namespace fs = std::filesystem;

// "photos.yaml" of "../photos/" and of "photos/train.csv" "train.yaml".
std::string name_for(const std::string& path) {
  fs::path name = fs::absolute(path).lexically_normal();
  if (!name.has_filename()) name = name.parent_path();
  return name.stem().string() + ".yaml";
}

// What somebody has written is not lost for a command that was given twice.
void write_new(const std::string& path, const std::string& text) {
  std::FILE* const file = std::fopen(path.c_str(), "wxe");
  if (file == nullptr) {
    if (errno == EEXIST)
      throw std::runtime_error(in_quotes(path) + " is there already: remove it, or give another name with --output");
    const int error = errno;
    throw std::runtime_error("cannot write " + in_quotes(path) + ": " + std::generic_category().message(error) +
                             millrace::detail::cure_of_place(error, path));
  }
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (std::fclose(file) == 0 && written) return;
  const int error = errno;
  std::remove(path.c_str());
  throw std::runtime_error("cannot write " + in_quotes(path) + ": " + std::generic_category().message(error));
}

surveys::Survey look_with_progress(const std::string& path) {
  std::optional<Progress> progress;
  return surveys::look_at(path, [&](int64_t done, int64_t total) {
    if (!progress) progress.emplace("looking", "pictures", total);
    progress->update(done, [] { return std::vector<std::string>(); });
  });
}

void say(const surveys::Survey& found, const std::string& output) {
  for (const auto& sentence : found.seen) std::printf("%s\n", printable_lines(sentence).c_str());
  std::printf("wrote %s; next: millrace train %s --validate\n", printable(output).c_str(), shell_word(output).c_str());
}

void say_in_json(const surveys::Survey& found, const std::string& output) {
  std::puts(nlohmann::json{{"seen", found.seen}, {"output", output}}
                .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
                .c_str());
}

}  // namespace

int init(const commands::Init& options) {
  const std::string output = options.output.empty() ? name_for(options.path) : options.output;
  if (fs::exists(output))
    throw std::runtime_error(in_quotes(output) + " is there already: remove it, or give another name with --output");
  const auto found = look_with_progress(options.path);
  write_new(output, surveys::configuration(found, options.path, output, processors().usable()));
  options.json ? say_in_json(found, output) : say(found, output);
  return kDone;
}

}  // namespace millrace::apps
