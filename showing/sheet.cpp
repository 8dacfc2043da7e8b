#include "millrace/showing/sheet.h"

#include <utility>
#include <vector>

#include "millrace/plots/contact_sheet.h"
#include "millrace/plots/text_sheet.h"

namespace millrace::showing {
namespace {

std::string number_of(const ShownSample& sample) { return sample.index < 0 ? "" : "#" + std::to_string(sample.index); }

std::string joined(const std::string& first, const std::string& second) {
  return first.empty() || second.empty() ? first + second : first + " " + second;
}

plots::Exhibit with_caption(plots::Exhibit exhibit, std::string caption) {
  exhibit.caption = std::move(caption);
  return exhibit;
}

// The picture in its file, then what comes of it.
void add_exhibits(const ShownSample& sample, std::vector<plots::Exhibit>& exhibits) {
  const std::string name = last_part(sample.name);
  for (const plots::Exhibit& raw : sample.raw)
    exhibits.push_back(with_caption(raw, joined(number_of(sample), sample.raw_size) + "\n" + name));
  const std::string first_line = sample.raw.empty() ? joined(number_of(sample), sample.caption) : sample.caption;
  const std::string second_line = sample.raw.empty() ? name : sample.seen_size;
  std::string caption = first_line.empty() ? second_line : first_line + "\n" + second_line;
  for (const plots::Exhibit& seen : sample.seen) exhibits.push_back(with_caption(seen, std::exchange(caption, "")));
}

size_t pictures_of(const ShownSample& sample) { return sample.raw.size() + sample.seen.size(); }

// Where some could not be read again, all stand for themselves.
int together(const std::vector<ShownSample>& samples) {
  const size_t first = pictures_of(samples.front());
  for (const ShownSample& sample : samples)
    if (pictures_of(sample) != first) return 1;
  return static_cast<int>(first);
}

plots::Picture text_of(const Shown& shown) {
  std::vector<plots::TextEntry> entries;
  for (const ShownSample& sample : shown.samples) {
    plots::TextEntry entry{joined(number_of(sample), last_part(sample.name)), {}};
    if (entry.name.empty()) entry.name = "sample " + std::to_string(entries.size() + 1);
    for (const auto& [name, value] : sample.facts) entry.lines.push_back(joined(name, value));
    entries.push_back(std::move(entry));
  }
  return plots::text_sheet(entries);
}

}  // namespace

std::string last_part(const std::string& name) { return name.substr(name.find_last_of('/') + 1); }

plots::Picture sheet_of(const Shown& shown) {
  if (shown.samples.front().seen.empty()) return text_of(shown);
  std::vector<plots::Exhibit> exhibits;
  for (const ShownSample& sample : shown.samples) add_exhibits(sample, exhibits);
  return plots::contact_sheet(exhibits, together(shown.samples));
}

}  // namespace millrace::showing
