#include "millrace/apps/millrace/front/commands/completion.h"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace millrace::apps::commands {
namespace {

// Bash takes = and : for ends of words, so the words are taken from the line, and of an answer only what is missing is
// given back.
constexpr std::string_view kBash = R"bash(# Completion of millrace for bash; see millrace completion --help.
_millrace() {
  local words word before way
  read -r -a words <<<"${COMP_LINE:0:COMP_POINT}"
  [[ ${COMP_LINE:COMP_POINT-1:1} == [[:space:]] ]] && words+=("")
  word=${words[-1]}
  before=${word%"$2"}
  COMPREPLY=()
  while IFS= read -r way; do
    COMPREPLY+=("${way#"$before"}")
  done < <("${words[0]}" complete -- "${words[@]:1}" 2>/dev/null)
  ((${#COMPREPLY[@]})) || compopt +o nospace 2>/dev/null
}
complete -o default -o nospace -F _millrace PROGRAM
)bash";

// To zsh ~ begins somebody's directory, so ~KEY is in quotes, which are no part of the words.
constexpr std::string_view kZsh = R"zsh(#compdef PROGRAM
# Completion of millrace for zsh; see millrace completion --help.
_millrace() {
  local -a ways
  ways=("${(@f)$("${words[1]}" complete -- "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
  if [[ -n ${ways[1]} ]]; then
    compadd -S '' -- ${(M)ways:#*[^ ]}
    compadd -- ${${(M)ways:#* }% }
  else
    compset -P '*='
    _files
  fi
}
if [[ $funcstack[1] == _millrace ]]; then _millrace "$@"; else compdef _millrace PROGRAM; fi
)zsh";

// The script for the program that runs, which may be one with types of its own.
std::string script_of(std::string_view shell) {
  std::string script(shell == "bash" ? kBash : kZsh);
  const std::string place = "PROGRAM";
  for (size_t at = script.find(place); at != script.npos; at = script.find(place, at))
    script.replace(at, place.size(), ::program_invocation_short_name);
  return script;
}

}  // namespace

void Completion::declare(CLI::App& command) {
  command.add_option("shell", shell, "bash or zsh")
      ->required()
      ->type_name("SHELL")
      ->check(CLI::IsMember({"bash", "zsh"}));
  command.add_flag("--json", json, "print the script in one line of JSON");
}

int Completion::answer() const {
  const std::string script = script_of(shell);
  if (json)
    std::puts(nlohmann::json{{"shell", shell}, {"script", script}}.dump().c_str());
  else
    std::fputs(script.c_str(), stdout);
  return kDone;
}

}  // namespace millrace::apps::commands
