#include "millrace/showing/page.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "millrace/loader/sample_row.h"
#include "millrace/plots/contact_sheet.h"
#include "millrace/plots/line_chart.h"
#include "millrace/plots/page.h"
#include "millrace/plots/png.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/showing/sheet.h"
#include "millrace/showing/statistics_text.h"

namespace millrace::showing {
namespace {

using Card = plots::Page::Card;

std::string title_of(const ShownSample& sample, size_t place) {
  if (sample.index < 0) return "sample " + std::to_string(place + 1);
  return "#" + std::to_string(sample.index) + (sample.caption.empty() ? "" : " " + sample.caption);
}

Card card_of(const ShownSample& sample, size_t place) {
  Card card;
  for (const plots::Exhibit& raw : sample.raw)
    card.pictures.push_back({plots::to_png(plots::drawn(raw)), title_of(sample, place) + " as it is in its file"});
  for (const plots::Exhibit& seen : sample.seen)
    card.pictures.push_back({plots::to_png(plots::drawn(seen)), title_of(sample, place) + " as the trainer gets it"});
  card.lines.push_back(title_of(sample, place));
  if (!sample.name.empty()) card.lines.push_back(sample.name);
  if (!sample.raw_size.empty())
    card.lines.push_back(sample.raw_size + " in its file, " + sample.seen_size + " for the trainer");
  for (const auto& [name, value] : sample.facts) card.lines.push_back(name + ": " + value);
  return card;
}

void add_samples(const Shown& shown, plots::Page& page) {
  const bool has_raw = !shown.samples.front().raw.empty();
  page.heading("What the trainer gets");
  page.paragraph("The first " + counted(shown.samples.size(), "sample") +
                 " in the order of its first epoch, by its seeds" +
                 (has_raw ? ": each as it is in its file, and as it comes out of the transforms."
                          : ", as they come out of the loader."));
  page.paragraph("Each sample: " + to_string(shown.split.spec));
  for (const std::string& lost : shown.lost) page.paragraph("A batch that the trainer would not get: " + lost);
  std::vector<Card> cards;
  for (const ShownSample& sample : shown.samples) cards.push_back(card_of(sample, cards.size()));
  page.cards(cards);
}

// Bars of what is counted, those with most first where there are many.
void add_bars(std::vector<plots::Page::Bar> bars, plots::Page& page) {
  constexpr size_t kMostBars = 50;
  double most = 0;
  for (const auto& bar : bars) most = std::max(most, bar.share);
  for (auto& bar : bars) bar.share /= most;
  if (bars.size() > kMostBars) {
    std::ranges::stable_sort(bars, std::greater(), &plots::Page::Bar::share);
    page.paragraph("The " + std::to_string(kMostBars) + " largest of " + std::to_string(bars.size()) + ":");
    bars.resize(kMostBars);
  }
  page.bars(bars);
}

void add_classes(const Statistics& statistics, plots::Page& page) {
  if (statistics.classes.empty()) return;
  page.heading("Classes");
  std::vector<plots::Page::Bar> bars;
  for (const auto& [label, count] : statistics.classes)
    bars.push_back({class_name(statistics, label), static_cast<double>(count), std::to_string(count)});
  add_bars(std::move(bars), page);
}

void add_masks(const Statistics& statistics, plots::Page& page) {
  if (statistics.mask_shares.empty()) return;
  page.heading("Masks");
  page.paragraph("About which share of all pixels has which value; 255 is of no class.");
  std::vector<plots::Page::Bar> bars;
  for (const auto& [value, share] : statistics.mask_shares)
    bars.push_back({std::to_string(value), share, short_number(100 * share) + " %"});
  add_bars(std::move(bars), page);
}

// A dot for each size: a line between two of them would mean nothing.
std::string size_chart(const PictureStatistics& pictures) {
  constexpr size_t kMostDots = 1000;
  plots::Series dots{pictures.column, {}};
  const size_t step = pictures.sizes.size() / kMostDots + 1;
  size_t number = 0;
  for (const auto& [size, count] : pictures.sizes) {
    if (number++ % step != 0) continue;
    dots.points.push_back({static_cast<double>(size.width), static_cast<double>(size.height)});
    dots.points.push_back({static_cast<double>(size.width), std::nan("")});
  }
  return plots::to_svg({"Sizes of " + pictures.column, "width in pixels", "height in pixels", {dots}});
}

void add_pictures(const Statistics& statistics, plots::Page& page) {
  if (statistics.pictures.empty()) return;
  page.heading("Pictures in their files");
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> charts;
  for (const PictureStatistics& pictures : statistics.pictures) {
    for (size_t i = 0; i < pictures.channels.size(); ++i) {
      const ChannelValues& channel = pictures.channels[i];
      rows.push_back({i == 0 ? pictures.column : "", i == 0 ? sizes_in_words(pictures.sizes) : "", std::to_string(i),
                      short_number(channel.mean), short_number(channel.deviation), short_number(channel.mean / 255),
                      short_number(channel.deviation / 255)});
    }
    if (pictures.sizes.size() > 1) charts.push_back(size_chart(pictures));
  }
  page.table({"column", "width x height", "channel", "mean", "deviation", "mean / 255", "deviation / 255"}, rows);
  if (!charts.empty()) page.charts(charts);
}

void add_numbers(const Statistics& statistics, plots::Page& page) {
  if (statistics.numbers.empty()) return;
  page.heading("Other columns");
  std::vector<std::vector<std::string>> rows;
  for (const NumberStatistics& numbers : statistics.numbers) {
    const auto cell = [&](double value) { return numbers.finite == 0 ? "" : short_number(value); };
    rows.push_back({numbers.column, numbers.looks, cell(numbers.least), cell(numbers.most), cell(numbers.mean)});
  }
  page.table({"column", "type and shape", "least", "most", "mean"}, rows);
  for (const NumberStatistics& numbers : statistics.numbers)
    if (const auto text = not_finite_in_words(numbers); !text.empty()) page.paragraph(numbers.column + ": " + text);
}

void add_broken(const Statistics& statistics, plots::Page& page) {
  if (statistics.broken.empty()) return;
  page.heading("Samples that cannot be read");
  std::vector<std::vector<std::string>> rows;
  for (const Broken& broken : statistics.broken) rows.push_back({name_of(broken.index, broken.name), broken.error});
  if (std::ssize(rows) < statistics.broken_count)
    page.paragraph("The first " + std::to_string(rows.size()) + " of " + std::to_string(statistics.broken_count) + ":");
  page.table({"sample", "why"}, rows);
}

}  // namespace

std::string page_of(const std::string& title, const Shown& shown, const std::optional<Statistics>& statistics) {
  plots::Page page(title);
  if (statistics) page.paragraph(first_line_of(*statistics) + ".");
  if (statistics) add_broken(*statistics, page);
  if (!shown.samples.empty()) add_samples(shown, page);
  if (!statistics) return page.str();
  for (const auto add : {add_classes, add_pictures, add_masks, add_numbers}) add(*statistics, page);
  return page.str();
}

}  // namespace millrace::showing
