#include "millrace/apps/millrace/train/going_on.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <sstream>
#include <string_view>
#include <utility>

#include "millrace/configs/path.h"
#include "millrace/sharing/os/shell_word.h"

namespace millrace::apps {
namespace {

using configs::Node;
using configs::Value;

// Settings that a run keeps, with all below them, and why.
struct Kept {
  std::string_view path;
  std::string_view why;
};
constexpr std::array<Kept, 6> kKept{{
    {"output", "the run has its directory; leave it out"},
    {"optimizer", "what is there beside lr comes with its state from the checkpoint"},
    {"weights", "training has begun with them"},
    {"seed", "the order of samples follows from it"},
    {"task", "the model has learned another"},
    {"classes", "the model's outputs are those"},
}};
constexpr std::string_view kMayChange = "optimizer.lr";

using Texts = std::map<std::string, std::string>;

// Scalars by their paths. Secrets of the environment stay ${env:NAME}.
void collect(const Value& value, const std::string& path, Texts& texts) {
  const auto below = [&](const std::string& part) { return path.empty() ? part : path + "." + part; };
  if (value.kind == Value::Kind::kScalar) texts[path] = shown_text(value);
  for (size_t i = 0; i < value.elements.size(); ++i) collect(value.elements[i], below(std::to_string(i)), texts);
  for (const auto& member : value.members) collect(member.value, below(member.key), texts);
}

// All settings of a run, and those that it began with.
struct Settings {
  Texts now, begun;
};

Settings settings_of(const Value& now, const Value& begun) {
  Settings settings;
  collect(now, "", settings.now);
  collect(begun, "", settings.begun);
  return settings;
}

struct Change {
  std::string path, now, begun;
};

std::string or_nothing(const Texts& texts, const std::string& path) {
  const auto found = texts.find(path);
  return found == texts.end() ? "nothing" : found->second;
}

// The part of the settings at a path, or the last one on the way to it that is there.
Node nearest_node(Node node, const std::string& path) {
  for (const auto& part : configs::split_path(path)) {
    if (node.value().kind != Value::Kind::kMap) return node;
    const auto found = node.find(part);
    if (!found) return node;
    node = *found;
  }
  return node;
}

void refuse_one_part_alone(const Node& now, const Settings& settings) {
  const std::string in_test = "test.";
  const auto is_split = [&](const std::string& dataset) {
    return or_nothing(settings.begun, dataset + ".type").find("random_split") != std::string::npos;
  };
  if (!is_split("dataset") || !is_split(in_test + "dataset")) return;
  for (const auto& [path, before] : settings.begun) {
    const std::string other = in_test + path;
    if (!path.starts_with("dataset.") || or_nothing(settings.begun, other) != before) continue;
    const std::string in_training_now = or_nothing(settings.now, path), in_test_now = or_nothing(settings.now, other);
    if (in_training_now == in_test_now) continue;
    const bool is_training = in_test_now == before;
    const std::string& changed = is_training ? path : other;
    if (path.starts_with("dataset.lengths"))  // Both would be of another number of samples than the checkpoint knows.
      throw nearest_node(now, changed)
          .error(
              "training and test are parts of one split, and a run that goes on keeps its lengths: "
              "for others, begin anew in another output");
    const auto meant = settings.now.find(changed);
    throw nearest_node(now, changed)
        .error("training and test are parts of one split, and would have samples in common: " +
               (meant == settings.now.end() ? "give both, " + shell_word(path) + " and " + shell_word(other)
                                            : "give both, " + shell_word(path + "=" + meant->second) + " " +
                                                  shell_word(other + "=" + meant->second)));
  }
}

std::vector<Change> changes_in(const Settings& settings) {
  Texts all = settings.now;
  all.insert(settings.begun.begin(), settings.begun.end());
  std::vector<Change> found;
  for (const auto& [path, text] : all) {
    Change change{path, or_nothing(settings.now, path), or_nothing(settings.begun, path)};
    if (change.now != change.begun) found.push_back(std::move(change));
  }
  return found;
}

bool is_part_of(std::string_view path, std::string_view section) {
  return path.starts_with(section) && (path.size() == section.size() || path[section.size()] == '.');
}

}  // namespace

void require_one_split(const Node& now, const Value& begun) {
  refuse_one_part_alone(now, settings_of(now.value(), begun));
}

void require_two_parts(const Node& now) {
  Texts training, test;
  if (const auto dataset = now.find("dataset")) collect(dataset->value(), "", training);
  if (const auto split = now.find("test"))
    if (const auto dataset = split->find("dataset")) collect(dataset->value(), "", test);
  if (or_nothing(training, "type") != "random_split" || training != test) return;
  throw nearest_node(now, "test.dataset.part")
      .error("training and test are the same part of one split; give test another part");
}

void require_may_change(const Node& now, const Value& begun) {
  const Settings settings = settings_of(now.value(), begun);
  refuse_one_part_alone(now, settings);
  auto changed = changes_in(settings);
  // Of another type all keys are others.
  std::stable_partition(changed.begin(), changed.end(), [](const Change& one) { return one.path.ends_with(".type"); });
  for (const Kept& kept : kKept)
    for (const Change& change : changed)
      if (is_part_of(change.path, kept.path) && change.path != kMayChange)
        throw nearest_node(now, change.path)
            .error("a run that goes on keeps " + change.path + ", which is " + change.begun + " and not " + change.now +
                   ": " + std::string(kept.why) + ". For another, begin another run, with weights.from");
}

std::vector<std::string> changes(const Value& now, const Value& begun) {
  std::vector<std::string> lines;
  for (const Change& change : changes_in(settings_of(now, begun)))
    lines.push_back(change.path + ": " + change.now + " in place of " + change.begun);
  return lines;
}

void take_first_origins(Value& settings, const std::string& file, const std::string& text) {
  constexpr std::string_view kComment = "  # ";
  std::vector<std::string> lines{""};
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  const auto visit = [&](auto& self, Value& value) -> void {
    const auto number = static_cast<size_t>(value.origin.line);
    if (value.origin.source == file && number > 0 && number < lines.size()) {
      const size_t comment = lines[number].rfind(kComment);
      if (comment != std::string::npos) value.origin = {lines[number].substr(comment + kComment.size())};
    }
    for (auto& element : value.elements) self(self, element);
    for (auto& member : value.members) self(self, member.value);
  };
  visit(visit, settings);
}

}  // namespace millrace::apps
