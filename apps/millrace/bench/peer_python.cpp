#include "millrace/apps/millrace/bench/peer_python.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "millrace/apps/millrace/bench/metrics.h"
#include "millrace/apps/millrace/bench/spread.h"
#include "millrace/configs/build.h"
#include "millrace/configs/value.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::apps {
namespace {

using nlohmann::json;

// The same transforms by torchvision's names, and the same way to measure. Pictures stay uint8, as Millrace has them.
constexpr std::string_view kScript = R"PYTHON(
import json, platform, sys, time, warnings
warnings.filterwarnings("ignore")
import torch, torchvision
from torchvision import datasets, transforms

settings = json.loads(sys.argv[1])
steps = [getattr(transforms, name)(**arguments) for name, arguments in settings["transforms"]]
dataset = datasets.ImageFolder(settings["root"], transforms.Compose(steps + [transforms.PILToTensor()]))
workers = settings["num_workers"]
loader = torch.utils.data.DataLoader(
    dataset, batch_size=settings["batch_size"], shuffle=settings["shuffle"], drop_last=settings["drop_last"],
    num_workers=workers, persistent_workers=workers > 0)


def batches():
    while True:
        yield from loader


start = time.monotonic()
stream = batches()
images, _ = next(stream)
first = time.monotonic() - start
end = time.monotonic() + settings["warm_up_s"]
while time.monotonic() < end:
    next(stream)
rates = []
for _ in range(settings["windows"]):
    samples, start, seconds = 0, time.monotonic(), 0
    while seconds < settings["window_s"]:
        samples += len(next(stream)[1])
        seconds = time.monotonic() - start
    rates.append(samples / seconds)
print(json.dumps({"rates": rates, "first_batch_s": first, "bytes_per_batch": images.nbytes + 8 * len(images),
                  "versions": f"torch {torch.__version__}, torchvision {torchvision.__version__}, "
                              f"Python {platform.python_version()}"}))
)PYTHON";

constexpr double kMostWarmUp = 3;  // Seconds: it has no faster pace to find.

// A transform of both, and those of its keys that mean the same.
struct Mirror {
  std::string_view ours;
  std::string_view theirs;
  std::array<std::string_view, 3> keys;
};
constexpr Mirror kMirrors[] = {
    {"random_resized_crop", "RandomResizedCrop", {"size", "scale", "ratio"}},
    {"resize", "Resize", {"size"}},
    {"center_crop", "CenterCrop", {"size"}},
    {"random_horizontal_flip", "RandomHorizontalFlip", {"p"}},
    {"random_vertical_flip", "RandomVerticalFlip", {"p"}},
};

configs::ConfigError refusal(const configs::Node& node) {
  return node.error("--peer python cannot mirror this; remove it, or the option");
}

// A number, or a list of them.
json to_json(const configs::Node& node) {
  if (node.value().kind == configs::Value::Kind::kList) {
    auto list = json::array();
    for (const auto& element : node.elements()) list.push_back(to_json(element));
    return list;
  }
  auto number = json::parse(node.value().text, nullptr, /*allow_exceptions=*/false);
  if (!number.is_number()) throw refusal(node);
  return number;
}

// Throws at a key of the section that is none of those.
void require_only(const configs::Node& section, std::initializer_list<std::string_view> known) {
  for (const auto& member : section.value().members)
    if (std::find(known.begin(), known.end(), member.key) == known.end()) throw refusal(section[member.key]);
}

json mirrored_transform(const configs::Node& step) {
  const bool is_map = step.value().kind == configs::Value::Kind::kMap;
  const std::string name = is_map ? step.value().members.front().key : step.value().text;
  const auto* mirror =
      std::find_if(std::begin(kMirrors), std::end(kMirrors), [&](const Mirror& one) { return one.ours == name; });
  if (mirror == std::end(kMirrors)) throw refusal(step);
  auto arguments = json::object();
  if (is_map)
    for (const auto& member : step[name].value().members) {
      const configs::Node key = step[name][member.key];
      const bool is_known = std::find(mirror->keys.begin(), mirror->keys.end(), member.key) != mirror->keys.end();
      if (!is_known) throw refusal(key);
      arguments[member.key] = to_json(key);
    }
  return {mirror->theirs, arguments};
}

bool is_shuffled(const configs::Node& run, bool loader_shuffles) {
  const auto sampler = run.find("sampler");
  if (!sampler) return loader_shuffles;
  const bool is_map = sampler->value().kind == configs::Value::Kind::kMap;
  if (is_map) require_only(*sampler, {"type", "seed"});
  const std::string type = is_map ? (*sampler)["type"].value().text : sampler->value().text;
  if (type != "random" && type != "sequential") throw refusal(*sampler);
  return type == "random";
}

std::string quoted_for_shell(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

// What stands before the exit code in the last line: no program prints it by chance.
std::string new_mark() {
  std::random_device random;
  return "millrace " + std::to_string(random()) + std::to_string(random()) + " ended with ";
}

// The exit code of a command that ends by itself, and what it printed up to there. Processes that it leaves behind hold
// the pipe open, so it is not the pipe's end that is waited for.
std::pair<int, std::string> output_of(const std::string& command) {
  const std::string mark = new_mark();
  std::FILE* const pipe = ::popen((command + "; printf '\\n" + mark + "%d\\n' $?").c_str(), "re");
  if (pipe == nullptr) throw std::runtime_error("cannot start a shell for --peer python");
  std::string text;
  size_t end = text.npos;
  std::array<char, 4096> line;
  while (end == text.npos && std::fgets(line.data(), line.size(), pipe) != nullptr) {
    text += line.data();
    if (text.ends_with('\n')) end = text.rfind("\n" + mark);
  }
  ::pclose(pipe);
  if (end == text.npos) return {-1, text};
  return {std::atoi(text.c_str() + end + 1 + mark.size()), text.substr(0, end)};
}

// The line of the script's result. Python may print others around it, such as warnings at its end.
json result_in(const std::string& text) {
  const size_t begin = std::min(text.rfind("{\"rates\""), text.size());
  return json::parse(text.substr(begin, text.find('\n', begin) - begin), nullptr, /*allow_exceptions=*/false);
}

}  // namespace

json mirrored(const configs::Node& run, const Plan& plan) {
  const auto dataset = run.section("dataset"), loader = run.section("loader");
  if (dataset["type"].value().text != "image_folder") throw refusal(dataset["type"]);
  require_only(dataset, {"type", "root"});
  if (const auto collate = run.find("collate")) throw refusal(*collate);
  require_only(loader, {"batch_size", "num_workers", "drop_last", "shuffle", "seed", "prefetch"});
  auto steps = json::array();
  if (const auto transforms = run.find("transforms"))
    for (const auto& step : transforms->elements()) steps.push_back(mirrored_transform(step));
  const auto options = configs::read_loader_options(loader);
  return {{"root", dataset["root"].value().text},
          {"transforms", steps},
          {"batch_size", options.batch_size()},
          {"num_workers", options.num_workers()},
          {"drop_last", options.drop_last()},
          {"shuffle", is_shuffled(run, options.shuffle())},
          {"warm_up_s", std::min(plan.warm_up_s, kMostWarmUp)},
          {"window_s", plan.window_s},
          {"windows", plan.windows}};
}

Peer run_peer(const json& settings, const Plan& plan) {
  const char* const given = ::secure_getenv("MILLRACE_PYTHON");
  const std::string python = given != nullptr ? given : "python3";
  const double limit_s = 60 + 10 * (kMostWarmUp + plan.window_s * static_cast<double>(plan.windows));
  const auto [status, text] =
      output_of("timeout -k 5 " + std::to_string(std::llround(limit_s)) + " " + quoted_for_shell(python) + " -c " +
                quoted_for_shell(std::string(kScript)) + " " + quoted_for_shell(settings.dump()) + " 2>&1");
  const json told = result_in(text);
  if (status != 0 || told.is_discarded())
    throw std::runtime_error("--peer python: " + in_quotes(python) +
                             " (MILLRACE_PYTHON) measured nothing; it takes torch and torchvision: " +
                             printable(text.substr(text.size() - std::min<size_t>(text.size(), 200))));
  return {told.at("versions"), told.at("rates"), told.at("first_batch_s"), told.at("bytes_per_batch")};
}

std::string sentence_of(const Peer& peer, const Measurement& ours) {
  const double theirs = median_of(peer.rates), mine = median_of(rates_of(ours));
  return "PyTorch's DataLoader (" + printable(peer.versions) + ") gives " + plain_number(theirs) +
         " samples/s with the same settings, the first batch after " + plain_number(1e3 * peer.first_batch_s) +
         " ms: Millrace is " + plain_number(mine / theirs) + " times as fast.";
}

json json_of(const Peer& peer, const Measurement& ours) {
  return {{"versions", peer.versions},
          {"samples_per_s", median_of(peer.rates)},
          {"samples_per_s_of_windows", peer.rates},
          {"first_batch_ms", 1e3 * peer.first_batch_s},
          {"bytes_per_batch", peer.bytes_per_batch},
          {"times", median_of(rates_of(ours)) / median_of(peer.rates)}};
}

}  // namespace millrace::apps
