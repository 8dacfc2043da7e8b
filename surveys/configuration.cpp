#include "millrace/surveys/configuration.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/shell_word.h"
#include "millrace/surveys/place.h"

namespace millrace::surveys {
namespace {

constexpr size_t kLongestSentence = 500;

// Of a text in UTF-8, on a screen.
size_t columns_of(const std::string& text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

// Lines of YAML with their comments below each other, in a column that all but the longest lines leave free.
class Page {
 public:
  // A line, with a comment behind it where there is one.
  Page& line(const std::string& yaml, const std::string& about = "") {
    lines_.push_back({yaml, about});
    return *this;
  }

  // Lines that begin so many columns further in.
  Page& lines(const std::vector<Line>& lines, size_t indent) {
    for (const auto& [yaml, about] : lines) line(std::string(indent, ' ') + yaml, about);
    return *this;
  }

  Page& gap() { return line(""); }

  std::string text() const {
    const size_t column = column_of_comments();
    std::string text;
    for (const auto& [yaml, about] : lines_) {
      text += yaml;
      if (!about.empty())
        text.append(std::max(kGap, column - std::min(column, columns_of(yaml))), ' ').append("# " + about);
      text += '\n';
    }
    return text;
  }

 private:
  static constexpr size_t kGap = 2;

  size_t column_of_comments() const {
    constexpr size_t kFarthest = 50;  // A path may be as long as it likes, and stands alone.
    size_t column = 0;
    for (const auto& [yaml, about] : lines_)
      if (const size_t end = columns_of(yaml) + kGap; !about.empty() && end <= kFarthest)
        column = std::max(column, end);
    return column;
  }

  std::vector<Line> lines_;
};

// The side that pictures are made: small ones as they are, large ones as large as a small network makes use of.
int64_t side_for(const Pictures& pictures) {
  if (pictures.short_side < 48) return 32;
  return pictures.short_side < 192 ? 64 : 128;
}

std::string text_of(int64_t number) { return std::to_string(number); }

// A batch must not be most of an epoch.
int64_t batch_size_for(const Survey& survey) {
  if (survey.samples < 64) return 4;
  return survey.samples < 1000 ? 16 : 32;
}

int64_t epochs_for(const Survey& survey) { return survey.samples < 2000 ? 20 : 10; }

bool moves_masks(const Survey& survey) {
  return survey.task == Task::kSegmentation || survey.task == Task::kImageToImage;
}

// A U-Net halves its pictures, and a batch needs them of one size: crops are multiples of 16.
void write_transforms(const Survey& survey, Page& page) {
  const std::string side = text_of(side_for(survey.pictures));
  page.line("transforms:", "From a file to the batch, in this order.");
  if (!survey.pictures.one_size || moves_masks(survey))
    page.line("  - random_resized_crop: {size: " + side + "}",
              "A random part of the picture, made " + side + " x " + side + ".");
  if (survey.pictures.upright)
    page.line("  - random_crop: {size: " + text_of(survey.pictures.short_side) + ", padding: 2}",
              "Moved by up to 2 pixels.");
  else
    page.line("  - random_horizontal_flip: {p: 0.5}", "Left becomes right, every other time; not for letters.");
  page.line("  # - color_jitter: {brightness: 0.2}", "Against pictures that are lit alike.");
}

void write_test_transforms(const Survey& survey, Page& page) {
  if (survey.pictures.one_size && !moves_masks(survey)) {
    page.line("  transforms: []", "As they are.");
    return;
  }
  const int64_t side = side_for(survey.pictures);
  page.line("  transforms:", "Nothing left to chance.");
  page.line("    - resize: {size: " + text_of(side * 8 / 7) + "}", "The shorter side,");
  page.line("    - center_crop: {size: " + text_of(side) + "}", "and of that the middle.");
}

// Of fewer samples a fifth is none.
bool holds_a_part_out(const Survey& survey) {
  constexpr int64_t kFewest = 5;
  return survey.test.empty() && survey.samples >= kFewest;
}

void write_dataset(const Survey& survey, Page& page) {
  if (!holds_a_part_out(survey)) {
    page.line("dataset:").lines(survey.dataset, 2);
    return;
  }
  page.line("dataset:");
  page.line("  type: random_split", "There is no test part: of one dataset");
  page.line("  lengths: [0.8, 0.2]", "a fifth is held out, always the same.");
  page.line("  part: 0");
  page.line("  dataset:").lines(survey.dataset, 4);
}

void write_test(const Survey& survey, Page& page) {
  if (survey.test.empty() && !holds_a_part_out(survey)) {
    page.line("# test:", "Too few samples to hold some out; here would stand another dataset.");
    return;
  }
  page.line("test:", "After every epoch the model is tried on these.");
  if (survey.test.empty())
    page.line(
        "  dataset: {type: random_split, lengths: \"${dataset.lengths}\", part: 1, dataset: \"${dataset.dataset}\"}");
  else
    page.line("  dataset:").lines(survey.test, 4);
  if (survey.pictures.from_files) write_test_transforms(survey, page);
  page.line("  loader:");
  page.line("    batch_size: " + text_of(2 * batch_size_for(survey)), "Nothing is learned here, so more fit.");
  if (survey.has_broken) page.line("    on_error: skip", "As above.");
}

void write_loader(const Survey& survey, int processors, Page& page) {
  page.line("loader:");
  page.line("  batch_size: " + text_of(batch_size_for(survey)), "Samples a step; larger ones want a larger lr.");
  page.line("  num_workers: " + text_of(std::max(1, processors - 1)), "Processes that read and decode, a core each.");
  page.line("  shuffle: true", "A new random order every epoch.");
  if (survey.has_broken)
    page.line("  on_error: skip", "Some cannot be read: raise ends the run, skip tells and goes on.");
  page.line("  # device_prefetch: 1", "Batches that are on their way to a GPU ahead.");
}

void write_model(const Survey& survey, Page& page) {
  if (moves_masks(survey)) {
    page.line("model:");
    page.line("  type: unet", "A value for each pixel; or torch_script.");
    page.line("  widths: [16, 32, 64]", "Channels of each level; a level halves both sides.");
    return;
  }
  if (survey.features > 0) {
    page.line("model:");
    page.line("  type: mlp", "For vectors; or torch_script.");
    page.line("  widths: [128, 64]", "Numbers behind each hidden layer.");
    page.line("  # dropout: 0.2", "Against learning few samples by heart.");
    return;
  }
  page.line("model:");
  page.line("  type: small_cnn", "Or resnet18, resnet50, vit_tiny, torch_script.");
  page.line(side_for(survey.pictures) > 64 ? "  widths: [32, 64, 128, 256]" : "  widths: [32, 64, 128]",
            "Channels of each stage; a stage halves both sides.");
}

void write_training(const Survey& survey, Page& page) {
  page.line("optimizer:");
  page.line("  type: adamw", "Or adam, sgd.");
  page.line("  lr: 0.001", "How far a step goes.");
  page.gap();
  page.line("schedule: cosine", "The rate falls to nothing; or constant, step, one_cycle.");
  page.line("epochs: " + text_of(epochs_for(survey)), "How often every sample is seen.");
  page.line("# early_stop: {patience: 5}", "Ends when it was no better for so many epochs.");
  page.line("# checkpoints: {every_steps: 500}", "For long epochs: little is lost when it is killed.");
  if (survey.task == Task::kClassification && survey.features == 0)
    page.line("# mix: {mixup: 0.2}", "Blends pictures; for long runs of few pictures.");
  page.line("# ema: {decay: 0.999}", "Tries the average of the last weights, often better.");
  page.gap();
  page.line("seed: 1", "The same number gives the same run.");
  page.line("device: auto", "The first GPU where there is one; or cpu, cuda:1.");
  page.line("# amp: bfloat16", "Mixed precision, faster on GPUs.");
  page.line("output: runs", "Here each run makes its directory.");
}

}  // namespace

std::string configuration(const Survey& survey, const std::string& given, const std::string& file, int processors) {
  Page page;
  page.line("# Written by `millrace init " + shell_word(given) + "`, for what it saw:");
  for (const auto& sentence : survey.seen) page.line("# " + printable(sentence, kLongestSentence));
  page.line("#");
  page.lines({{"#   millrace train " + shell_word(file) + " --validate", "reads a first batch, trains nothing"},
              {"#   millrace train " + shell_word(file) + " epochs=5", "trains; any key can be set like this"},
              {"#   millrace help config", "lists all keys"}},
             0);
  page.gap();
  write_dataset(survey, page);
  if (survey.task == Task::kRegression) page.line("task: regression", "Numbers are learned, and no classes.");
  if (survey.classes)
    page.line("classes: " + text_of(*survey.classes), "How many; the dataset does not say it itself.");
  page.gap();
  if (survey.pictures.from_files) {
    write_transforms(survey, page);
    page.gap();
  }
  write_loader(survey, processors, page);
  page.gap();
  write_test(survey, page);
  page.gap();
  if (!survey.pictures.mean.empty()) {
    page.line("normalize:", "Of the pixels, when black is 0 and white is 1:");
    page.line("  mean: " + survey.pictures.mean, "what is taken off,");
    page.line("  std: " + survey.pictures.std, "and what the rest is divided by.");
    page.gap();
  }
  write_model(survey, page);
  page.gap();
  write_training(survey, page);
  return page.text();
}

}  // namespace millrace::surveys
