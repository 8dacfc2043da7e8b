// What shells offer for command lines of `millrace`, as real shells ask for it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/shell.h"

namespace millrace::completion_test {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

// What bash has in COMPREPLY behind `line`, whose end the cursor is at, in a directory with a file run.yaml.
std::vector<std::string> offered_by_bash(const std::string& line) {
  const test::Directory folder;
  folder.write("run.yaml", "dataset: {type: mnist, root: x}\noptimizer: {type: sgd}\n");
  // Bash calls the function with the word as its own rules cut it; = and : are words of their own.
  folder.write("ask.sh", R"(
PATH=)" + test::built("apps") +
                             R"(:$PATH
source <(millrace completion bash)
COMP_LINE=$1
COMP_POINT=${#COMP_LINE}
last=${COMP_LINE##*[[:space:]]}
_millrace millrace "${last##*[=:]}" ""
printf '%s\n' "${COMPREPLY[@]}"
)");
  const auto result = test::run_in(folder.path(), "bash ask.sh '" + line + "'");
  EXPECT_EQ(result.err, "");
  std::vector<std::string> offered = test::lines_of(result.out);
  if (offered == std::vector<std::string>{""}) offered.clear();
  return offered;
}

TEST(Completion, BashCompletesCommandsAndOptions) {
  EXPECT_THAT(offered_by_bash("millrace "), AllOf(Contains("train "), Contains("bench "), Not(Contains("complete "))));
  EXPECT_THAT(offered_by_bash("millrace tr"), ElementsAre("train "));
  EXPECT_THAT(offered_by_bash("millrace train --res"), ElementsAre("--resume "));
  EXPECT_THAT(offered_by_bash("millrace bench --j"), ElementsAre("--json "));
  EXPECT_THAT(offered_by_bash("millrace completion "), ElementsAre("bash ", "zsh "));
  EXPECT_THAT(offered_by_bash("millrace fly "), IsEmpty());
}

TEST(Completion, BashCompletesKeysAndTheirValues) {
  EXPECT_THAT(offered_by_bash("millrace train run.yaml loader.num_w"), ElementsAre("loader.num_workers="));
  EXPECT_THAT(offered_by_bash("millrace train run.yaml epochs=3 lo"), ElementsAre("loader.", "loss."));
  EXPECT_THAT(offered_by_bash("millrace train run.yaml dataset.type=image_fo"), ElementsAre("image_folder "));
  EXPECT_THAT(offered_by_bash("millrace train run.yaml test.sampler=rand"), ElementsAre("random "));
  EXPECT_THAT(offered_by_bash("millrace train run.yaml loader.drop_last="), ElementsAre("false ", "true "));
  EXPECT_THAT(offered_by_bash("millrace train run.yaml transforms+=random_h"), ElementsAre("random_horizontal_flip "));
  EXPECT_THAT(offered_by_bash("millrace train run.yaml ~loader.num_w"), ElementsAre("~loader.num_workers "));
}

TEST(Completion, KeysAreThoseOfTheTypeThatTheFileHas) {
  EXPECT_THAT(offered_by_bash("millrace train run.yaml optimizer."),
              AllOf(Contains("optimizer.momentum="), Not(Contains("optimizer.betas="))));
  EXPECT_THAT(offered_by_bash("millrace train run.yaml optimizer.type=adam optimizer."),
              AllOf(Contains("optimizer.betas="), Not(Contains("optimizer.momentum="))));
  EXPECT_THAT(offered_by_bash("millrace train gone.yaml optimizer."),
              AllOf(Contains("optimizer.betas="), Contains("optimizer.momentum=")));
}

TEST(Completion, ARunThatGoesOnHasItsFile) {
  EXPECT_THAT(offered_by_bash("millrace train --resume runs/a epo"), ElementsAre("epochs="));
}

TEST(Completion, BashCompletesConfigurationsByNameAndByFile) {
  EXPECT_THAT(offered_by_bash("millrace train "),
              AllOf(Contains("digits "), Contains("photos "), Contains("run.yaml ")));
  EXPECT_THAT(offered_by_bash("millrace bench bench_p"), ElementsAre("bench_photos "));
  EXPECT_THAT(offered_by_bash("millrace train ./r"), ElementsAre("./run.yaml "));
}

TEST(Completion, BashCompletesTopicsOfHelp) {
  EXPECT_THAT(offered_by_bash("millrace help c"), Contains("config "));
  EXPECT_THAT(offered_by_bash("millrace help config samp"), ElementsAre("sampler "));
  EXPECT_THAT(offered_by_bash("millrace help config sampler.re"), ElementsAre("sampler.repeat "));
}

TEST(Completion, LeavesPathsToTheShell) {
  EXPECT_THAT(offered_by_bash("millrace train run.yaml --trace "), IsEmpty());
  EXPECT_THAT(offered_by_bash("millrace train run.yaml dataset.root="), IsEmpty());
}

// What the script for zsh hands to compadd, a line a call, or "_files" where it leaves that to the shell. Completion as
// people press the key needs a terminal.
std::vector<std::string> offered_by_zsh(const test::Directory& folder, const std::string& words) {
  folder.write("ask.zsh", R"(
PATH=)" + test::built("apps") +
                              R"(:$PATH
compdef() { : }
source =(millrace completion zsh)
compadd() { print -r -- "$@" }
compset() { : }
_files() { print -r -- _files }
words=(millrace "$@")
CURRENT=$#words
_millrace
)");
  const auto result = test::run_in(folder.path(), "zsh -f ask.zsh " + words);
  EXPECT_EQ(result.err, "");
  return test::lines_of(result.out);
}

TEST(Completion, ZshCompletesAsBashDoes) {
  const test::Directory folder;
  if (test::run_in(folder.path(), "command -v zsh").exit_code != 0) GTEST_SKIP() << "there is no zsh here";
  EXPECT_THAT(offered_by_zsh(folder, "tr"), ElementsAre("-S  --", "-- train"));
  EXPECT_THAT(offered_by_zsh(folder, "train run.yaml lo"), ElementsAre("-S  -- loader. loss.", "--"));
  EXPECT_THAT(offered_by_zsh(folder, "train run.yaml dataset.type=image_fo"),
              ElementsAre("-S  --", "-- dataset.type=image_folder"));
  EXPECT_THAT(offered_by_zsh(folder, "train run.yaml --trace ''"), ElementsAre("_files"));
}

}  // namespace
}  // namespace millrace::completion_test
