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
using ::testing::HasSubstr;
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

TEST(Completion, KnowsTheDatasetsThatOnlyMeasure) {
  EXPECT_THAT(offered_by_bash("millrace bench run.yaml dataset.type=noise_j"), ElementsAre("noise_jpegs "));
  EXPECT_THAT(offered_by_bash("millrace bench run.yaml dataset.type=noise_jpegs dataset.entr"),
              ElementsAre("dataset.entropy="));
}

TEST(Completion, ARunThatGoesOnHasItsFile) {
  EXPECT_THAT(offered_by_bash("millrace train --resume runs/a epo"), ElementsAre("epochs="));
}

TEST(Completion, BashCompletesWhatIsRemovedAndWhatLiesInside) {
  EXPECT_THAT(offered_by_bash("millrace train run.yaml ~transforms.center_c"),
              ElementsAre("~transforms.center_crop ", "~transforms.center_crop."));
  EXPECT_THAT(offered_by_bash("millrace train run.yaml +transforms+=random_h"), IsEmpty());
  EXPECT_THAT(offered_by_bash("millrace train run.yaml dataset.type=random_split dataset.dataset.ro"),
              ElementsAre("dataset.dataset.root="));
}

TEST(Completion, BashCompletesSettingsInPlaceOfAnInput) {
  EXPECT_THAT(offered_by_bash("millrace predict runs/a lo"), ElementsAre("loader.", "loss."));
  EXPECT_THAT(offered_by_bash("millrace predict runs/a ru"), IsEmpty()) << "paths are the shell's";
  EXPECT_THAT(offered_by_bash("millrace predict runs/a "), IsEmpty());
  EXPECT_THAT(offered_by_bash("millrace predict runs/a new loader.num_w"), ElementsAre("loader.num_workers="));
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

// What zsh makes of a line when its key for completion is pressed at the end, as on a terminal: <the line>, and above
// it the ways to go on where there are several.
std::string completed_by_zsh(const test::Directory& folder, const std::string& line) {
  folder.write("ask.zsh", R"(
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PATH=)" + test::built("apps") +
                              R"(:$PATH; TERM=dumb; PS1=; LISTMAX=1000; unsetopt zle_bracketed_paste 2>/dev/null'
zpty -w shell 'autoload -U compinit; compinit -u -d ./dump; source <(millrace completion zsh)'
zpty -w shell 'tell() { print -r -- "<$BUFFER>" }; zle -N tell; bindkey "^T" tell; print -r -- rea"dy"'
zpty -r shell heard $'*ready\r\n*'
zpty -w -n shell "$1"$'\t\x14'
zpty -r shell heard '*<millrace*>*'
print -r -- "$heard"
zpty -d shell
)");
  const auto result = test::run_in(folder.path(), "zsh -f ask.zsh '" + line + "'");
  EXPECT_EQ(result.err, "");
  return result.out;
}

TEST(Completion, ZshCompletesAsBashDoes) {
  const test::Directory folder;
  if (test::run_in(folder.path(), "command -v zsh").exit_code != 0)
    GTEST_SKIP() << "there is no zsh here: scripts/setup --live installs it";
  folder.write("run.yaml", "dataset: {type: mnist, root: x}\noptimizer: {type: sgd}\n");
  EXPECT_THAT(completed_by_zsh(folder, "millrace tr"), HasSubstr("<millrace train >"));
  EXPECT_THAT(completed_by_zsh(folder, "millrace train r"), HasSubstr("<millrace train run.yaml >"));
  EXPECT_THAT(completed_by_zsh(folder, "millrace train run.yaml loader.num_w"),
              HasSubstr("<millrace train run.yaml loader.num_workers=>"));
  EXPECT_THAT(completed_by_zsh(folder, "millrace train run.yaml dataset.type=image_fo"),
              HasSubstr("<millrace train run.yaml dataset.type=image_folder >"));
  EXPECT_THAT(completed_by_zsh(folder, "millrace train run.yaml lo"),
              AllOf(HasSubstr("loader."), HasSubstr("loss."), HasSubstr("<millrace train run.yaml lo>")));
  EXPECT_THAT(completed_by_zsh(folder, "millrace train run.yaml dataset.type=random_split dataset.dataset.ro"),
              HasSubstr("<millrace train run.yaml dataset.type=random_split dataset.dataset.root=>"));
  EXPECT_THAT(completed_by_zsh(folder, R"(millrace train run.yaml "~transforms.center_cr)"),
              HasSubstr(R"(<millrace train run.yaml "~transforms.center_crop)"));
  EXPECT_THAT(completed_by_zsh(folder, "millrace predict runs/a loa"), HasSubstr("<millrace predict runs/a loader.>"));
  EXPECT_THAT(completed_by_zsh(folder, "millrace train run.yaml --trace ru"),
              HasSubstr("<millrace train run.yaml --trace run.yaml >"));
}

}  // namespace
}  // namespace millrace::completion_test
