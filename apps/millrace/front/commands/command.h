#pragma once

#include <concepts>
#include <span>
#include <string_view>

#include "millrace/apps/millrace/front/commands/exit.h"

namespace CLI {
class App;
}

/// What a command of `millrace` says of itself. Each is a struct in a pair of files of its own, and a line in
/// registry.h; its members are what the user asked for.
///
///   struct Bench {
///     int64_t repeats = 3;
///
///     static constexpr std::string_view kName = "bench";
///     // A line of `millrace --help`, without full stop.
///     static constexpr std::string_view kAbout = "Measure a loader";
///     static constexpr Example kExamples[] = {{"millrace bench photos.yaml", "samples a second, CPU time"}};
///     static constexpr ExitCode kExitCodes[] = {{kDone, "the loader was measured"}};
///     static constexpr std::string_view kMore = kAboutKeys;  // Where more is written; "" for nowhere.
///     void declare(CLI::App& command);                       // Declares its options; they are written to this object.
///   };
///
/// A command that needs no LibTorch has `int answer() const` as well, which does all that it does and gives the exit
/// code. For any other, front/main.cpp says what is checked before LibTorch is loaded, and run.cpp what is done then.
namespace millrace::apps {

/// A whole command line that works, and what it does.
struct Example {
  std::string_view line;
  std::string_view what;
};

/// When the command ends with this code.
struct ExitCode {
  int code;
  std::string_view when;
};

template <class T>
concept CommandType = std::default_initializable<T> && requires(T command, CLI::App& app) {
  std::string_view(T::kName);
  std::string_view(T::kAbout);
  std::span<const Example>(T::kExamples);
  std::span<const ExitCode>(T::kExitCodes);
  std::string_view(T::kMore);
  command.declare(app);
};

/// A command that needs no LibTorch.
template <class T>
concept AnswersAtOnce = requires(const T& command) {
  { command.answer() } -> std::same_as<int>;
};

}  // namespace millrace::apps
