#pragma once

#include <utility>
#include <variant>

#include "millrace/apps/millrace/front/commands/bench.h"
#include "millrace/apps/millrace/front/commands/command.h"
#include "millrace/apps/millrace/front/commands/complete.h"
#include "millrace/apps/millrace/front/commands/completion.h"
#include "millrace/apps/millrace/front/commands/configs.h"
#include "millrace/apps/millrace/front/commands/doctor.h"
#include "millrace/apps/millrace/front/commands/export.h"
#include "millrace/apps/millrace/front/commands/help.h"
#include "millrace/apps/millrace/front/commands/init.h"
#include "millrace/apps/millrace/front/commands/pack.h"
#include "millrace/apps/millrace/front/commands/predict.h"
#include "millrace/apps/millrace/front/commands/reference.h"
#include "millrace/apps/millrace/front/commands/show.h"
#include "millrace/apps/millrace/front/commands/train.h"

/// All commands of `millrace`, in the order of its help. A command that is added here is in the help, and whoever
/// visits a Command does not compile until it says what is to be done.
namespace millrace::apps {

using Command = std::variant<commands::Init, commands::Train, commands::Predict, commands::Export, commands::Show,
                             commands::Bench, commands::Pack, commands::Doctor, commands::Help, commands::Configs,
                             commands::Completion, commands::Complete, commands::Reference>;

template <class List>
struct CommandsOf;
template <CommandType... T>
struct CommandsOf<std::variant<T...>> {
  template <class Function>
  static void for_each(Function&& function) {
    (function.template operator()<T>(), ...);
  }
};

/// Calls function.operator()<T>() for the type of each command.
template <class Function>
void for_each_command(Function&& function) {
  CommandsOf<Command>::for_each(std::forward<Function>(function));
}

}  // namespace millrace::apps
