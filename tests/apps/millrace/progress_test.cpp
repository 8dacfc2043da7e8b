#include "millrace/apps/millrace/progress.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "millrace/apps/millrace/progress_line.h"
#include "millrace/apps/millrace/progress_output.h"
#include "millrace/apps/millrace/status_line.h"
#include "millrace/apps/millrace/told_notices.h"
#include "millrace/sharing/os/notice.h"
#include "millrace/sharing/os/owned_fd.h"
#include "millrace/tests/support/environment.h"

namespace millrace::progress_test {
namespace {

using namespace apps;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

const ProgressState kHalf{"training", "samples", 450, 1000, 36.4, {"loss 0.312", "data wait 3 %"}};

std::vector<std::string> no_notes() { return {}; }

// The columns that a terminal needs where each character beyond ASCII is a wide one.
int most_columns(const std::string& line) {
  int columns = 0;
  for (const char c : line) {
    const auto byte = static_cast<unsigned char>(c);
    columns += byte < 0x80 ? 1 : byte < 0xC0 ? 0 : 2;
  }
  return columns;
}

bool is_utf8(const std::string& text) {
  int missing = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool continues = (byte & 0xC0) == 0x80;
    if (continues != (missing > 0)) return false;
    missing = continues ? missing - 1 : byte < 0x80 ? 0 : byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
  }
  return missing == 0;
}

TEST(ProgressLine, SaysEverythingWhereThereIsRoom) {
  EXPECT_EQ(plain_line(kHalf), "training: 45 %, 15s left, 36.4 samples/s, loss 0.312, data wait 3 %, 450/1000 samples");
  EXPECT_EQ(bar_line(kHalf, 120, Letters::kAscii),
            "training  45 % [##########..............] 15s left, 36.4 samples/s, loss 0.312, data wait 3 %, "
            "450/1000 samples");
}

TEST(ProgressLine, LeavesOffWhatStandsLastWhereThereIsLittleRoom) {
  EXPECT_EQ(bar_line(kHalf, 80, Letters::kAscii),
            "training  45 % [####.......] 15s left, 36.4 samples/s, loss 0.312, data wait 3 %");
  EXPECT_EQ(bar_line(kHalf, 40, Letters::kAscii), "training  45 % [######........] 15s left");
  EXPECT_EQ(bar_line(kHalf, 30, Letters::kAscii), "training  45 % [#####........]");
  EXPECT_EQ(bar_line(kHalf, 20, Letters::kAscii), "training  45 %");
  EXPECT_EQ(bar_line(kHalf, 5, Letters::kAscii), "train");
  EXPECT_EQ(bar_line(kHalf, 0, Letters::kAscii), "");
}

TEST(ProgressLine, NeverNeedsMoreColumnsThanThereAreAndCutsNoCharacter) {
  ProgressState state = kHalf;
  state.title = "学習 café 🐈";
  state.notes = {"損失 0.3", "Genauigkeit größer"};
  for (const Letters letters : {Letters::kAscii, Letters::kUnicode})
    for (int columns = 0; columns < 160; ++columns) {
      const std::string line = bar_line(state, columns, letters);
      EXPECT_TRUE(is_utf8(line)) << line;
      // The letters of the bar are known to need one column each.
      std::string with_plain_bar = line;
      for (const char* block : {"█", "▏", "▎", "▍", "▌", "▋", "▊", "▉"})
        for (size_t at; (at = with_plain_bar.find(block)) != std::string::npos;) with_plain_bar.replace(at, 3, "#");
      EXPECT_LE(most_columns(with_plain_bar), columns) << line;
    }
}

TEST(ProgressLine, FillsItsBarByEighthsWhereTheTerminalHasTheLetters) {
  ProgressState state{"t", "x", 0, 1000, 0, {}};
  const auto bar_at = [&](int64_t done) {
    state.done = done;
    const std::string line = bar_line(state, 18, Letters::kUnicode);
    return line.substr(line.find('['), line.find(']') - line.find('[') + 1);
  };
  EXPECT_EQ(bar_at(0), "[        ]");
  EXPECT_EQ(bar_at(500), "[████    ]");
  EXPECT_EQ(bar_at(520), "[████▏   ]");
  EXPECT_EQ(bar_at(999), "[███████▉]");
  EXPECT_EQ(bar_at(1000), "[████████]");
}

TEST(ProgressLine, BearsWorkOfNoKnownExtentAndMoreThanAll) {
  EXPECT_EQ(plain_line({"t", "batches", 7, 0, 0, {}}), "t: 0 %, 0s left, 7/0 batches");
  EXPECT_EQ(plain_line({"t", "batches", 0, 7, 0, {}}), "t: 0 %, ? left, 0/7 batches");
  EXPECT_EQ(plain_line({"t", "batches", 9, 7, 1, {}}), "t: 100 %, 0s left, 1.0 batches/s, 9/7 batches");
  EXPECT_THAT(bar_line({"t", "x", 9, 7, 1, {}}, 40, Letters::kAscii), HasSubstr("100 % [########"));
  EXPECT_THAT(plain_line({"t", "x", 999'999, 1'000'000, 1, {}}), StartsWith("t: 99 %"));
}

TEST(ProgressLine, EscapesWhatActsOnATerminal) {
  EXPECT_EQ(plain_line({"a\nb", "x", 1, 2, 0, {"\x1b[2J"}}), "a\\nb: 50 %, ? left, \\x1b[2J, 1/2 x");
}

TEST(ProgressLine, GivesSlowRatesWithDigits) {
  EXPECT_THAT(plain_line({"t", "steps", 1, 100, 0.0417, {}}), HasSubstr("39m34s left, 0.042 steps/s"));
  EXPECT_THAT(plain_line({"t", "steps", 1, 100, 12345.6, {}}), HasSubstr("12346 steps/s"));
}

// A progress of 1000 samples on an output and by a clock of the test.
class OnOutput : public testing::Test {
 protected:
  Progress progress(bool is_terminal, int64_t done = 0) {
    line_.emplace(ProgressOutput{is_terminal, Letters::kAscii, [this] { return columns_; },
                                 [this](std::string_view text) { written_.emplace_back(text); }});
    return {"training", "samples", 1000, done, *line_, [this] { return now_; }};
  }

  Clock::time_point now_{};
  int columns_ = 80;
  std::vector<std::string> written_;
  std::optional<StatusLine> line_;
};

TEST_F(OnOutput, WritesALineNowAndThenWhereThereIsNoTerminal) {
  auto log = progress(false);
  for (int second = 0; second < 35; ++second, now_ += seconds(1)) log.update(second, no_notes);
  EXPECT_THAT(written_, ElementsAre("training: 1 %, 16m30s left, 1.0 samples/s, 10/1000 samples\n",
                                    "training: 2 %, 16m20s left, 1.0 samples/s, 20/1000 samples\n",
                                    "training: 3 %, 16m10s left, 1.0 samples/s, 30/1000 samples\n"));
}

TEST_F(OnOutput, WritesMoreRarelyTheLongerItTakesButOnceAMinute) {
  auto log = progress(false);
  const auto lines_in = [&](seconds time) {
    written_.clear();
    for (const auto end = now_ + time; now_ < end; now_ += seconds(1)) log.update(1, no_notes);
    return written_.size();
  };
  const auto first = lines_in(std::chrono::minutes(10)), later = lines_in(std::chrono::hours(1));
  EXPECT_GT(first, 20u);
  EXPECT_LT(first, 40u);
  EXPECT_GE(later, 59u);
  EXPECT_LE(later, 62u);
}

TEST_F(OnOutput, AsksForNotesOnlyWhenItWrites) {
  auto log = progress(false);
  int asked = 0;
  const Progress::Notes notes = [&] { return ++asked, std::vector<std::string>{"loss 0.5"}; };
  for (int second = 0; second < 35; ++second, now_ += seconds(1)) log.update(second, notes);
  EXPECT_EQ(asked, 3);
  EXPECT_THAT(written_.back(), HasSubstr(", loss 0.5, "));
}

TEST_F(OnOutput, DrawsOneLineOverAndOverOnATerminalTenTimesASecond) {
  auto bar = progress(true);
  for (int i = 0; i < 100; ++i, now_ += milliseconds(10)) bar.update(i, no_notes);
  EXPECT_EQ(written_.size(), 10u);
  for (const auto& line : written_) {
    EXPECT_THAT(line, StartsWith("\r\x1b[Ktraining "));
    EXPECT_THAT(line, Not(HasSubstr("\n")));
  }
}

TEST_F(OnOutput, LeavesTheLastColumnFreeAndFollowsTheTerminalsSize) {
  auto bar = progress(true);
  constexpr size_t kErase = 4;
  for (const int columns : {80, 33, 200, 3, 0}) {
    columns_ = columns;
    written_.clear();
    now_ += seconds(1);
    bar.update(500, no_notes);
    ASSERT_EQ(written_.size(), 1u);
    EXPECT_LE(static_cast<int>(written_[0].size() - kErase), std::max(0, columns - 1)) << columns;
  }
}

TEST_F(OnOutput, ClearsItsLineOnceAndDrawsItAgainAtOnce) {
  {
    auto bar = progress(true);
    bar.clear();
    EXPECT_THAT(written_, IsEmpty()) << "nothing was drawn";
    bar.update(1, no_notes);
    bar.clear();
    bar.clear();
    EXPECT_EQ(written_.size(), 2u);
    EXPECT_EQ(written_.back(), "\r\x1b[K");
    bar.update(2, no_notes);
    EXPECT_EQ(written_.size(), 3u);
  }
  EXPECT_EQ(written_.back(), "\r\x1b[K") << "its end leaves the line empty";
}

TEST_F(OnOutput, LetsALineBePrintedAboveTheBarInOnePiece) {
  auto bar = progress(true);
  line_->print("before anything is drawn");
  bar.update(500, no_notes);
  const std::string drawn = written_.back().substr(std::string("\r\x1b[K").size());
  line_->print("a worker died");
  bar.clear();
  line_->print("and another");
  EXPECT_THAT(written_, ElementsAre("before anything is drawn\n", "\r\x1b[K" + drawn, "\r\x1b[Ka worker died\n" + drawn,
                                    "\r\x1b[K", "and another\n"));
}

TEST_F(OnOutput, PrintsLinesAsTheyAreWhereThereIsNoTerminal) {
  auto log = progress(false);
  line_->draw("a bar");
  line_->print("a worker died");
  EXPECT_THAT(written_, ElementsAre("a worker died\n"));
}

TEST_F(OnOutput, TellsNoticesOfAnyThreadAboveTheBarAndKeepsThem) {
  auto bar = progress(true);
  std::vector<std::string> kept;
  {
    const ToldNotices told([&](NoticeLevel level, std::string_view text) { kept.push_back(told_line(level, text)); },
                           *line_);
    bar.update(500, no_notes);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([] {
        tell(NoticeLevel::kInfo, "as usual");
        for (int notice = 0; notice < 100; ++notice) tell(NoticeLevel::kWarning, "a worker died");
      });
    for (auto& thread : threads) thread.join();
  }
  EXPECT_THAT(kept, AllOf(SizeIs(400), Each("millrace: warning: a worker died")));
  ASSERT_THAT(written_, SizeIs(1 + 400));
  const std::string bar_text = written_[0].substr(std::string("\r\x1b[K").size());
  written_.erase(written_.begin());
  EXPECT_THAT(written_, Each("\r\x1b[Kmillrace: warning: a worker died\n" + bar_text));
}

TEST_F(OnOutput, ChildrenTellTheirNoticesWithoutTheParentsLine) {
  auto bar = progress(true);
  testing::internal::CaptureStderr();
  const ToldNotices told([](NoticeLevel, std::string_view) {}, *line_);
  const pid_t child = ::fork();
  if (child == 0) {
    tell(NoticeLevel::kWarning, "in a child");
    ::_exit(written_.empty() ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "millrace: warning: in a child\n");
}

TEST_F(OnOutput, TellsTheRateOfTheLastHalfMinute) {
  auto log = progress(false);
  int64_t done = 0;
  for (int second = 0; second <= 100; ++second, now_ += seconds(1)) log.update(done += second < 50 ? 10 : 1, no_notes);
  EXPECT_THAT(written_.back(), HasSubstr(", 1.0 samples/s, "));
}

TEST_F(OnOutput, DoesNotTakeWhatWasDoneBeforeForSpeed) {
  auto log = progress(false, 900);
  now_ += seconds(10);
  log.update(920, no_notes);
  EXPECT_THAT(written_, ElementsAre("training: 92 %, 40s left, 2.0 samples/s, 920/1000 samples\n"));
}

// A terminal, and what a program would write to it.
class PseudoTerminal {
 public:
  PseudoTerminal() : screen_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    if (!screen_ || ::grantpt(screen_.get()) != 0 || ::unlockpt(screen_.get()) != 0) return;
    program_ = OwnedFd(::open(::ptsname(screen_.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  }

  bool is_there() const { return static_cast<bool>(program_); }
  int fd() const { return program_.get(); }
  void resize(int columns) const {
    const winsize size{24, static_cast<unsigned short>(columns), 0, 0};
    ASSERT_EQ(::ioctl(screen_.get(), TIOCSWINSZ, &size), 0);
  }
  // All that was written. It arrives in pieces: a mark behind it says when it is all there.
  std::string read() const {
    constexpr char kMark = '\a';
    EXPECT_EQ(::write(program_.get(), &kMark, 1), 1);
    std::string text;
    std::array<char, 1024> piece;
    while (!text.ends_with(kMark)) {
      const auto got = ::read(screen_.get(), piece.data(), piece.size());
      text.append(piece.data(), static_cast<size_t>(std::max<ssize_t>(0, got)));
    }
    text.pop_back();
    return text;
  }

 private:
  OwnedFd screen_;
  OwnedFd program_;
};

TEST(ProgressOutput, KnowsATerminalAndHowWideItIsNow) {
  const PseudoTerminal terminal;
  if (!terminal.is_there()) GTEST_SKIP() << "no pseudo-terminals here";
  const test::Environment term("TERM", "xterm");
  const auto output = output_to(terminal.fd());
  EXPECT_TRUE(output.is_terminal);
  for (const int columns : {80, 31}) {
    terminal.resize(columns);
    EXPECT_EQ(output.columns(), columns);
  }
  terminal.resize(0);
  EXPECT_EQ(output.columns(), 80) << "one that does not say";
  output.write("seen at once");
  EXPECT_EQ(terminal.read(), "seen at once");
}

// What stands on the rows of a screen that was written to.
std::vector<std::string> rows_of(const std::string& written) {
  std::vector<std::string> rows{""};
  for (size_t i = 0; i < written.size(); ++i) {
    if (written[i] == '\n')
      rows.emplace_back();
    else if (written[i] == '\r')
      continue;  // The terminal's driver writes one before each line end, and a bar begins by one with an erasure.
    else if (written.compare(i, 3, "\x1b[K") == 0)
      rows.back().clear(), i += 2;
    else
      rows.back() += written[i];
  }
  return rows;
}

TEST(ProgressOutput, ShowsNoticesOnRowsOfTheirOwnAndTheBarBelowThem) {
  const PseudoTerminal terminal;
  if (!terminal.is_there()) GTEST_SKIP() << "no pseudo-terminals here";
  const test::Environment term("TERM", "xterm"), all("LC_ALL", "C");
  terminal.resize(60);
  StatusLine line(output_to(terminal.fd()));
  Progress bar("training", "samples", 1000, 0, line);
  const ToldNotices told([](NoticeLevel, std::string_view) {}, line);
  bar.update(500, no_notes);
  tell(NoticeLevel::kWarning, "a worker died");
  tell(NoticeLevel::kError, "a callback threw");
  EXPECT_THAT(rows_of(terminal.read()),
              ElementsAre("millrace: warning: a worker died", "millrace: error: a callback threw",
                          StartsWith("training  50 % [####")));
}

TEST(ProgressOutput, TakesAFileAndADumbTerminalForALog) {
  const OwnedFd file(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  EXPECT_FALSE(output_to(file.get()).is_terminal);
  const PseudoTerminal terminal;
  if (!terminal.is_there()) GTEST_SKIP() << "no pseudo-terminals here";
  const test::Environment term("TERM", "dumb");
  EXPECT_FALSE(output_to(terminal.fd()).is_terminal);
}

TEST(ProgressOutput, HasTheLettersOfTheLocale) {
  const test::Environment lang("LANG", "C"), ctype("LC_CTYPE", ""), all("LC_ALL", "");
  EXPECT_EQ(output_to(2).letters, Letters::kAscii);
  const test::Environment utf8("LANG", "de_DE.UTF-8");
  EXPECT_EQ(output_to(2).letters, Letters::kUnicode);
  const test::Environment closer("LC_CTYPE", "C.utf8"), latin("LC_ALL", "de_DE.ISO-8859-1");
  EXPECT_EQ(output_to(2).letters, Letters::kAscii);
}

TEST(ProgressOutput, DropsWhatNobodyCanRead) {
  const OwnedFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  if (!full) GTEST_SKIP() << "no /dev/full here";
  output_to(full.get()).write("no error");
}

}  // namespace
}  // namespace millrace::progress_test
