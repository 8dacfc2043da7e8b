// The pages about the commands, which are made from what each says of itself.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/shell.h"

namespace millrace::reference_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kProgram = "'" + test::built("apps/millrace") + "' ";

test::Ended ask(const std::string& arguments) {
  const test::Directory folder;
  return test::run_in(folder.path(), kProgram + arguments);
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Reference, PageOfCommandsIsWhatTheySayOfThemselves) {
  const std::string made = ask("reference markdown").out;
  const std::string page = text_of(test::source("docs/commands.md"));
  const size_t begin = page.find("## millrace ");
  ASSERT_NE(begin, page.npos);
  EXPECT_EQ(page.substr(begin), made) << "docs/commands.md differs; its part about the commands is:\n" << made;
}

TEST(Reference, ManPageHasEachCommandOnce) {
  const std::string page = ask("reference man").out;
  for (const char* section : {".TH MILLRACE 1 ", ".SH SYNOPSIS\n", ".SH COMMANDS\n", ".SH MILLRACE TRAIN\n",
                              ".SH MILLRACE BENCH\n", ".SH ENVIRONMENT\n", ".SH FILES\n"})
    EXPECT_THAT(page, HasSubstr(section));
  EXPECT_THAT(page, Not(HasSubstr("COMPLETE\n")));
  EXPECT_EQ(page.find(".SH MILLRACE TRAIN\n"), page.rfind(".SH MILLRACE TRAIN\n"));
}

TEST(Reference, ManPageIsReadWithoutAWarning) {
  const test::Directory folder;
  if (test::run_in(folder.path(), "command -v groff").exit_code != 0)
    GTEST_SKIP() << "there is no groff here: scripts/setup --live installs it";
  const auto shown = test::run_in(folder.path(), kProgram + "reference man | groff -ww -man -Tutf8 -P-cbou");
  EXPECT_EQ(shown.err, "");
  EXPECT_THAT(shown.out, HasSubstr("millrace train [OPTIONS] [CONFIG] [KEY=VALUE...]"));
  EXPECT_THAT(shown.out, HasSubstr("--resume DIRECTORY"));
}

TEST(Reference, RefusesAFormThatThereIsNot) { EXPECT_EQ(ask("reference html").exit_code, 2); }

}  // namespace
}  // namespace millrace::reference_test
