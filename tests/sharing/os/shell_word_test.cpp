#include "millrace/sharing/os/shell_word.h"

#include <gtest/gtest.h>

namespace millrace::shell_word_test {
namespace {

TEST(ShellWord, LeavesPlainPathsAlone) {
  for (const char* path : {"photos.yaml", "../a_b/c-1.yaml", "bücher/1.csv", "a=b,c+d@e%:f"})
    EXPECT_EQ(shell_word(path), path);
}

TEST(ShellWord, QuotesWhatAShellWouldReadOtherwise) {
  EXPECT_EQ(shell_word("my photos.yaml"), "'my photos.yaml'");
  EXPECT_EQ(shell_word("$HOME;*"), "'$HOME;*'");
  EXPECT_EQ(shell_word("~x"), "'~x'");
  EXPECT_EQ(shell_word("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_word(""), "''");
}

TEST(ShellWord, SendsNothingToATerminal) { EXPECT_EQ(shell_word("a\x1b[31m"), "'a\\x1b[31m'"); }

}  // namespace
}  // namespace millrace::shell_word_test
