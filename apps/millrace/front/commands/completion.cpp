#include "millrace/apps/millrace/front/commands/completion.h"

#include <CLI/CLI.hpp>
#include <cstdio>

namespace millrace::apps::commands {
namespace {

// Bash takes = and : for ends of words, so the words are taken from the line, and of an answer only what is missing is
// given back.
constexpr const char* kBash = R"bash(# Completion of millrace for bash; see millrace completion --help.
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
complete -o default -o nospace -F _millrace millrace
)bash";

constexpr const char* kZsh = R"zsh(#compdef millrace
# Completion of millrace for zsh; see millrace completion --help.
_millrace() {
  local -a ways
  ways=("${(@f)$("${words[1]}" complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n ${ways[1]} ]]; then
    compadd -S '' -- ${(M)ways:#*[^ ]}
    compadd -- ${${(M)ways:#* }% }
  else
    compset -P '*='
    _files
  fi
}
if [[ $funcstack[1] == _millrace ]]; then _millrace "$@"; else compdef _millrace millrace; fi
)zsh";

}  // namespace

void Completion::declare(CLI::App& command) {
  command.add_option("shell", shell, "bash or zsh")
      ->required()
      ->type_name("SHELL")
      ->check(CLI::IsMember({"bash", "zsh"}));
}

int Completion::answer() const {
  std::fputs(shell == "bash" ? kBash : kZsh, stdout);
  return kDone;
}

}  // namespace millrace::apps::commands
