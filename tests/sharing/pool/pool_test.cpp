// The cases of CPython's test_multiprocessing for Pool that have a meaning in C++ (_TestPool, _TestPoolWorkerLifetime,
// _TestPoolWorkerErrors), those of its documentation measured in rounds, and what Python does not promise: nothing
// hangs when a worker dies. Each runs under every start method.
#include "millrace/sharing/pool/pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <list>
#include <numeric>
#include <optional>
#include <ranges>
#include <set>
#include <sstream>
#include <thread>

#include "millrace/sharing/channel/errors.h"
#include "millrace/sharing/memory/segment.h"
#include "millrace/sharing/os/poll.h"
#include "millrace/tests/sharing/pool/rounds.h"
#include "millrace/tests/support/process_probe.h"
#include "millrace/tests/support/sanitizer.h"
#include "millrace/tests/support/start_methods.h"
#include "millrace/tests/support/usable_fork_server.h"

namespace millrace::multiprocessing {
namespace {

using std::chrono::milliseconds;
using test::kLong;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

int square(int x) { return x * x; }
int add(int x, int y) { return x + y; }
void do_nothing(int) {}
pid_t pid_of_worker(int) { return ::getpid(); }
std::string repeat(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

[[gnu::noinline]] int refuse(int x) {
  if (x >= 0) throw std::invalid_argument("no " + std::to_string(x));
  return x;
}
int refuse_three(int x) { return x == 3 ? refuse(x) : x; }

// Until the other end is closed or something is sent to it, which stays unread.
int wait_for_word(const OwnedFd& fd, int x) {
  poll_readable(fd.get(), std::nullopt);
  return x;
}

std::vector<int> numbers(int count) {
  std::vector<int> all(static_cast<size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

std::vector<int> squares(int count) {
  auto all = numbers(count);
  for (int& x : all) x *= x;
  return all;
}

class PoolTest : public testing::TestWithParam<StartMethod> {
 protected:
  PoolOptions options(int processes) const { return PoolOptions(processes).start_method(GetParam()); }

  const test::Watchdog watchdog{"a pool", std::chrono::seconds(60)};
};
INSTANTIATE_TEST_SUITE_P(, PoolTest, test::every_start_method(), test::start_method_name);

// apply

TEST_P(PoolTest, ApplyReturnsTheResultOfAFunctionRunInAWorker) {
  Pool pool(options(2));
  EXPECT_EQ(pool.apply(add, 1, 2), 3);
  EXPECT_EQ(pool.apply([](int x, int y) { return x * y; }, 3, 4), 12);
  EXPECT_NE(pool.apply(pid_of_worker, 0), ::getpid());
  pool.apply(do_nothing, 0);
}

TEST_P(PoolTest, ContextMakesPools) {
  Pool pool = Context(GetParam()).Pool(1);
  EXPECT_EQ(pool.apply(square, 5), 25);
}

TEST_P(PoolTest, ArgumentsAndResultsLargerThanTheBoardTravel) {
  Pool pool(options(2));
  for (const int times : {1, 20, 1'000, 300'000})
    EXPECT_EQ(pool.apply(repeat, "seven..", times), repeat("seven..", times));
  const auto size = [](std::vector<std::string> all) { return all.size(); };
  EXPECT_EQ(pool.apply(size, std::vector<std::string>(10'000, "text")), 10'000u);
}

TEST_P(PoolTest, DescriptorsTravelBothWays) {
  Pool pool(options(1));
  const auto file = SharedSegment::create("passed", 1'000, "");
  const OwnedFd fd(::dup(file.fd()));
  const OwnedFd back = pool.apply([](OwnedFd got) { return got; }, fd);
  EXPECT_EQ(test::inode_of(back.get()), test::inode_of(file.fd()));
}

TEST_P(PoolTest, ApplyAsyncReturnsAtOnce) {
  Pool pool(options(1));
  auto [ours, theirs] = FdSocket::pair();
  auto later = pool.apply_async(wait_for_word, theirs.take(), 7);
  EXPECT_FALSE(later.ready());
  EXPECT_FALSE(later.wait(milliseconds(1)));
  EXPECT_THROW(later.successful(), std::logic_error);
  EXPECT_THROW(later.get(milliseconds(1)), TimeoutError);
  ours.close();
  EXPECT_EQ(later.get(kLong), 7);
  EXPECT_TRUE(later.ready());
  EXPECT_TRUE(later.successful());
  EXPECT_EQ(later.get(), 7) << "again";
}

TEST_P(PoolTest, ResultsOutliveTheirPool) {
  std::optional<AsyncResult<int>> later;
  {
    Pool pool(options(1));
    later = pool.apply_async(square, 3);
    later->wait();
  }
  EXPECT_EQ(later->get(), 9);
}

// Errors

TEST_P(PoolTest, ExceptionIsThrownAsRemoteErrorWithTypeTextAndBacktrace) {
  Pool pool(options(1));
  try {
    pool.apply(refuse, 5);
    FAIL();
  } catch (const RemoteError& e) {
    EXPECT_EQ(e.type(), "std::invalid_argument");
    EXPECT_EQ(e.message(), "no 5");
    EXPECT_THAT(e.backtrace(), AllOf(StartsWith("  #0 "), HasSubstr("refuse(int)")));
    EXPECT_THAT(e.what(), StartsWith("std::invalid_argument: no 5\n  #0 "));
  }
  EXPECT_EQ(pool.apply(square, 2), 4) << "the worker goes on";
}

TEST_P(PoolTest, ExceptionThatIsNoStdExceptionIsTold) {
  Pool pool(options(1));
  try {
    pool.apply([](int x) -> int { throw x; }, 1);
    FAIL();
  } catch (const RemoteError& e) {
    EXPECT_EQ(e.type(), "int");
  }
}

TEST_P(PoolTest, FailedCallsAreNotSuccessful) {
  Pool pool(options(1));
  const auto later = pool.apply_async(refuse, 5);
  later.wait();
  EXPECT_FALSE(later.successful());
  EXPECT_THROW(later.get(), RemoteError);
  EXPECT_THROW(later.get(), RemoteError) << "again";
}

// Lets itself be made and sent, but not twice.
struct Unsendable {
  template <class Archive>
  void save(Archive&) const {
    throw std::domain_error("cannot be sent");
  }
  template <class Archive>
  void load(Archive&) {}
};

TEST_P(PoolTest, ArgumentThatCannotBeSentFailsInTheCaller) {
  Pool pool(options(1));
  const auto nothing = [](Unsendable) {};
  EXPECT_THROW(pool.apply_async(nothing, Unsendable()), std::domain_error);
  EXPECT_THROW(pool.map(nothing, std::vector<Unsendable>(3)), std::domain_error);
  EXPECT_EQ(pool.apply(square, 2), 4);
}

TEST_P(PoolTest, ResultThatCannotBeSentFailsTheCall) {
  Pool pool(options(1));
  try {
    pool.apply([](int) { return Unsendable(); }, 1);
    FAIL();
  } catch (const RemoteError& e) {
    EXPECT_EQ(e.message(), "cannot be sent");
  }
}

TEST_P(PoolTest, MoreDescriptorsThanAMessageTakesFailTheCall) {
  Pool pool(options(1));
  const auto many = [](int count) {
    std::vector<OwnedFd> fds;
    for (int i = 0; i < count; ++i) fds.emplace_back(::dup(0));
    return fds;
  };
  EXPECT_THAT(pool.apply(many, 100), SizeIs(100));
  EXPECT_THROW(pool.apply(many, 300), RemoteError);
  const auto count = [](const std::vector<OwnedFd>& fds) { return fds.size(); };
  EXPECT_THROW(pool.apply(count, many(300)), std::runtime_error);
  EXPECT_EQ(pool.apply(count, many(100)), 100u);
}

// map

TEST_P(PoolTest, MapKeepsTheOrderWhateverTheChunksize) {
  Pool pool(options(3));
  EXPECT_EQ(pool.map(square, numbers(10)), squares(10));
  for (const size_t chunksize : {1, 2, 7, 20, 1'000})
    EXPECT_EQ(pool.map(square, numbers(100), chunksize), squares(100));
}

TEST_P(PoolTest, MapTakesAnyRange) {
  Pool pool(options(2));
  EXPECT_EQ(pool.map(square, std::views::iota(0, 10)), squares(10));
  EXPECT_EQ(pool.map(square, std::list<int>{0, 1, 2}), squares(3));
  EXPECT_EQ(pool.map(square, numbers(20) | std::views::filter([](int x) { return x < 4; })), squares(4));
  std::istringstream words("0 1 2 3 4");
  EXPECT_EQ(pool.map(square, std::ranges::istream_view<int>(words)), squares(5)) << "which can be read only once";
}

TEST_P(PoolTest, MapOfNothingIsNothing) {
  Pool pool(options(2));
  EXPECT_THAT(pool.map(square, std::vector<int>{}), IsEmpty());
  EXPECT_THAT(pool.map(square, std::vector<int>{}, 5), IsEmpty());
  EXPECT_TRUE(pool.map_async(square, std::vector<int>{}).ready());
  EXPECT_THAT(pool.starmap(add, std::vector<std::tuple<int, int>>{}), IsEmpty());
  EXPECT_FALSE(pool.imap(square, std::vector<int>{}).next());
}

TEST_P(PoolTest, MapOfMoreCallsThanTheBoardHolds) {
  Pool pool(options(2));
  EXPECT_EQ(pool.map(square, numbers(5'000), 1), squares(5'000));
  std::vector<std::string> texts;
  for (int i = 0; i < 600; ++i) texts.push_back(std::string(static_cast<size_t>(10 * i), 'x'));
  EXPECT_EQ(pool.map([](std::string text) { return text; }, texts, 1), texts);
}

TEST_P(PoolTest, MapOfBoolsAndOfNothingReturned) {
  Pool pool(options(2));
  EXPECT_THAT(pool.map([](int x) { return x > 1; }, numbers(4)), ElementsAre(false, false, true, true));
  pool.map(do_nothing, numbers(10));
}

TEST_P(PoolTest, ChunksizeZeroIsAnError) {
  Pool pool(options(1));
  EXPECT_THROW(pool.map(square, numbers(3), 0), std::invalid_argument);
  EXPECT_THROW(pool.imap(square, numbers(3), 0), std::invalid_argument);
}

TEST_P(PoolTest, MapAsyncIsReadyWhenAllAre) {
  Pool pool(options(2));
  auto [ours, theirs] = FdSocket::pair();
  const OwnedFd fd = theirs.take();
  std::vector<std::tuple<OwnedFd, int>> items;
  for (int i = 0; i < 3; ++i) items.emplace_back(::dup(fd.get()), i);
  const auto later = pool.starmap_async(wait_for_word, items, 1);
  EXPECT_FALSE(later.wait(milliseconds(1)));
  test::send_text(ours, "now");
  EXPECT_THAT(later.get(kLong), ElementsAre(0, 1, 2));
}

TEST_P(PoolTest, StarmapSpreadsTuplesOverParameters) {
  Pool pool(options(2));
  EXPECT_THAT(pool.starmap(add, std::vector<std::tuple<int, int>>{{1, 2}, {3, 4}}), ElementsAre(3, 7));
  EXPECT_THAT(pool.starmap(add, std::vector<std::pair<int, int>>{{1, 2}, {3, 4}}, 1), ElementsAre(3, 7));
  EXPECT_THAT(pool.starmap(repeat, std::vector<std::tuple<const char*, int>>{{"x", 3}}), ElementsAre("xxx"));
}

TEST_P(PoolTest, AnExceptionInAMapEndsItsChunkAndTheOtherChunksStillRun) {
  const auto count_and_refuse = [](const OwnedFd& fd, int x) {
    test::send_text(FdSocket(OwnedFd(::dup(fd.get()))), std::to_string(x));
    return refuse_three(x);
  };
  Pool pool(options(2));
  auto [ours, theirs] = FdSocket::pair();
  const OwnedFd fd = theirs.take();
  std::vector<std::tuple<OwnedFd, int>> items;
  for (int i = 0; i < 10; ++i) items.emplace_back(::dup(fd.get()), i);
  EXPECT_THROW(pool.starmap(count_and_refuse, items, 5), RemoteError);
  std::set<std::string> ran;
  while (poll_readable(ours.fd(), milliseconds(0))) ran.insert(test::receive_text(ours));
  EXPECT_EQ(ran, (std::set<std::string>{"0", "1", "2", "3", "5", "6", "7", "8", "9"}));
}

TEST_P(PoolTest, OfSeveralExceptionsInAMapTheEarliestItemsIsKept) {
  Pool pool(options(3));
  for (int i = 0; i < 20; ++i) {
    try {
      pool.map(refuse, numbers(30), 1);
      FAIL();
    } catch (const RemoteError& e) {
      EXPECT_EQ(e.message(), "no 0");
    }
  }
}

TEST_P(PoolTest, ARangeThatThrowsSubmitsNothing) {
  Pool pool(options(1));
  const auto bad = numbers(10) | std::views::transform([](int x) { return refuse_three(x); });
  EXPECT_THROW(pool.map(square, bad), std::invalid_argument);
}

// In a worker: has a letter written when the worker leaves, once.
int write_at_exit(const OwnedFd& fd) {
  static const int output = ::dup(fd.get());
  static const bool registered = std::atexit([] { static_cast<void>(::write(output, "x", 1) < 0); }) == 0;
  return registered ? 0 : 1;
}

TEST_P(PoolTest, WorkersThatLeaveRunWhatTheyRegisteredAtExit) {
  const test::OutputFile output;
  Pool pool(options(1));
  EXPECT_EQ(pool.apply(write_at_exit, OwnedFd(::dup(output.fd()))), 0);
  EXPECT_EQ(output.text(), "");
  pool.close();
  pool.join();
  EXPECT_EQ(output.text(), "x");
}

TEST_P(PoolTest, WorkersThatAreReplacedRunWhatTheyRegisteredAtExit) {
  const test::OutputFile output;
  Pool pool(options(1).maxtasksperchild(2));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(pool.apply(write_at_exit, OwnedFd(::dup(output.fd()))), 0);
  pool.close();
  pool.join();
  EXPECT_EQ(output.text(), "xx");
}

TEST_P(PoolTest, TakesListsInBraces) {
  Pool pool(options(2));
  EXPECT_THAT(pool.map(square, {1, 2, 3}), ElementsAre(1, 4, 9));
  EXPECT_THAT(pool.map([](const std::string& text) { return text.size(); }, {"a", "bc"}, 1), ElementsAre(1U, 2U));
  EXPECT_THAT(pool.map_async(square, {4}).get(), ElementsAre(16));
  EXPECT_THAT(pool.starmap([](int x, int y) { return x * y; }, {{1, 2}, {3, 4}}), ElementsAre(2, 12));
  auto results = pool.imap(square, {7, 8});
  EXPECT_EQ(results.next(kLong), 49);
  EXPECT_EQ(results.next(kLong), 64);
  int sum = 0;
  for (const int x : pool.imap_unordered(square, {1, 2})) sum += x;
  EXPECT_EQ(sum, 5);
  const std::initializer_list<int> named = {1, 2};
  EXPECT_THAT(pool.map(square, named), ElementsAre(1, 4));
}

TEST(PoolChunks, DefaultIsFourAWorkerAsInPython) {
  // divmod(items, 4 * processes), plus one for a remainder.
  for (const auto& [items, processes, chunksize] : {std::tuple<size_t, size_t, size_t>{10, 2, 2},
                                                    {8, 2, 1},
                                                    {9, 2, 2},
                                                    {1, 4, 1},
                                                    {100, 1, 25},
                                                    {10'000, 2, 1'250},
                                                    {0, 2, 1}})
    EXPECT_EQ(detail::default_chunksize(items, processes), chunksize) << items << " " << processes;
}

// imap

TEST_P(PoolTest, ImapGivesResultsInOrder) {
  Pool pool(options(3));
  for (const size_t chunksize : {1, 3, 100}) {
    std::vector<int> got;
    for (const int x : pool.imap(square, numbers(50), chunksize)) got.push_back(x);
    EXPECT_EQ(got, squares(50));
  }
}

TEST_P(PoolTest, ImapGivesTheFirstResultWhileTheSecondIsNotThere) {
  Pool pool(options(3));  // Two of which will wait.
  auto [ours, theirs] = FdSocket::pair();
  static constexpr int kWait = 1;
  const auto wait_if = [](const std::tuple<OwnedFd, int>& item) {
    return std::get<1>(item) == kWait ? wait_for_word(std::get<0>(item), kWait) : std::get<1>(item);
  };
  const OwnedFd fd = theirs.take();
  std::vector<std::tuple<OwnedFd, int>> items;
  for (int i = 0; i < 3; ++i) items.emplace_back(::dup(fd.get()), i);
  auto results = pool.imap(wait_if, items);
  EXPECT_EQ(results.next(kLong), 0);
  EXPECT_THROW(results.next(milliseconds(1)), TimeoutError);
  auto unordered = pool.imap_unordered(wait_if, items);
  EXPECT_EQ(unordered.next(kLong), 0);
  EXPECT_EQ(unordered.next(kLong), 2) << "overtakes";
  EXPECT_THROW(unordered.next(milliseconds(1)), TimeoutError);
  test::send_text(ours, "now");
  EXPECT_EQ(results.next(kLong), 1);
  EXPECT_EQ(results.next(kLong), 2);
  EXPECT_EQ(results.next(), std::nullopt);
  EXPECT_EQ(results.next(), std::nullopt) << "again";
  EXPECT_EQ(unordered.next(kLong), 1);
  EXPECT_EQ(unordered.next(), std::nullopt);
}

TEST_P(PoolTest, ImapUnorderedGivesEachResultOnce) {
  Pool pool(options(3));
  for (const size_t chunksize : {1, 3}) {
    std::vector<int> got;
    for (const int x : pool.imap_unordered(square, numbers(50), chunksize)) got.push_back(x);
    std::sort(got.begin(), got.end());
    EXPECT_EQ(got, squares(50));
  }
}

TEST_P(PoolTest, ImapThrowsAnErrorInItsPlaceAndGoesOn) {
  Pool pool(options(2));
  auto results = pool.imap(refuse_three, numbers(6));
  for (int i = 0; i < 6; ++i) {
    if (i == 3)
      EXPECT_THROW(results.next(), RemoteError);
    else
      EXPECT_EQ(results.next(), i);
  }
  EXPECT_EQ(results.next(), std::nullopt);
  auto unordered = pool.imap_unordered(refuse_three, numbers(6));
  int errors = 0;
  for (int i = 0; i < 6; ++i) try {
      unordered.next();
    } catch (const RemoteError&) {
      ++errors;
    }
  EXPECT_EQ(errors, 1);
}

TEST_P(PoolTest, ImapOverAnEndlessRangeGivesResultsAtOnceAndReadsFewAhead) {
  Pool pool(options(2));
  for (const size_t chunksize : {1, 7}) {
    int read = 0;
    const auto endless = std::views::iota(0) | std::views::transform([&](int x) { return read = x; });
    auto results = pool.imap(square, endless, chunksize);
    for (int i = 0; i < 20'000; ++i) ASSERT_EQ(results.next(kLong), i * i);
    EXPECT_LT(read, 20'000 + 1'100 * static_cast<int>(chunksize));
    auto unordered = pool.imap_unordered(square, endless, chunksize);
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(unordered.next(kLong));
  }
}

TEST_P(PoolTest, ImapReadsARangeThatIsSlowOnlyAsFarAsNeeded) {
  Pool pool(options(2));
  int read = 0;
  const auto slow = std::views::iota(0) | std::views::transform([&](int x) {
                      std::this_thread::sleep_for(milliseconds(5));  // Reading from somewhere.
                      ++read;
                      return x;
                    });
  auto results = pool.imap(square, slow);
  EXPECT_EQ(results.next(kLong), 0);
  EXPECT_LE(read, 5);
}

TEST_P(PoolTest, ImapHoldsFewLargeItems) {
  Pool pool(options(2));
  int read = 0;
  const auto large = std::views::iota(0) | std::views::transform([&](int x) {
                       read = x;
                       return std::string(8'000'000, 'x');
                     });
  auto results = pool.imap([](const std::string& text) { return text; }, large);
  for (int i = 0; i < 20; ++i) ASSERT_EQ(results.next(kLong)->size(), 8'000'000U);
  EXPECT_LT(read, 20 + 24) << "more than 192 MB";
}

TEST_P(PoolTest, ImapThatHasBegunGoesOnAfterCloseAndIsFinishedByJoin) {
  Pool pool(options(2));
  auto results = pool.imap(square, std::views::iota(0, 3'000));
  auto dropped = std::optional(pool.imap(square, std::views::iota(0)));
  pool.close();
  for (int i = 0; i < 1'500; ++i) ASSERT_EQ(results.next(kLong), i * i);
  dropped.reset();  // Else join() would read all of it.
  pool.join();
  for (int i = 1'500; i < 3'000; ++i) ASSERT_EQ(results.next(kLong), i * i);
  EXPECT_EQ(results.next(), std::nullopt);
}

TEST_P(PoolTest, ImapWhoseRangeThrowsGivesWhatCameBeforeAndThenTheError) {
  Pool pool(options(2));
  const auto broken = std::views::iota(0) | std::views::transform([](int x) { return x < 100 ? x : refuse(x); });
  auto results = pool.imap(square, broken);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(results.next(kLong), i * i);
  EXPECT_THROW(results.next(kLong), std::invalid_argument);
  EXPECT_EQ(results.next(kLong), std::nullopt);
}

TEST_P(PoolTest, ImapWhoseRangeThrowsEarlyGivesWhatCameBeforeWithinTheChunkToo) {
  Pool pool(options(2));
  const auto bad = std::views::iota(0) | std::views::transform([](int x) { return refuse_three(x); });
  for (const size_t chunksize : {1, 2, 3, 7}) {
    auto results = pool.imap(square, bad, chunksize);
    for (int i = 0; i < 3; ++i) ASSERT_EQ(results.next(kLong), i * i) << chunksize;
    EXPECT_THROW(results.next(kLong), std::invalid_argument) << chunksize;
    EXPECT_EQ(results.next(kLong), std::nullopt) << chunksize;
  }
  const auto bad_at_once = numbers(10) | std::views::transform([](int x) { return refuse(x); });
  auto results = pool.imap_unordered(square, bad_at_once);
  EXPECT_THROW(results.next(kLong), std::invalid_argument);
  EXPECT_EQ(results.next(kLong), std::nullopt);
}

TEST_P(PoolTest, ImapUnorderedWhoseRangeThrowsGivesEachResultBeforeOnceAndTheErrorLast) {
  Pool pool(options(2));
  const auto broken = std::views::iota(0) | std::views::transform([](int x) { return x < 100 ? x : refuse(x); });
  for (const size_t chunksize : {1, 10}) {
    auto results = pool.imap_unordered(square, broken, chunksize);
    std::vector<int> got;
    for (int i = 0; i < 100; ++i) got.push_back(results.next(kLong).value());
    std::sort(got.begin(), got.end());
    EXPECT_EQ(got, squares(100));
    EXPECT_THROW(results.next(kLong), std::invalid_argument);
    EXPECT_EQ(results.next(kLong), std::nullopt);
  }
}

TEST_P(PoolTest, ImapHasAResultForEveryThreadThatTakesOne) {
  Pool pool(options(1));
  auto results = pool.imap(square, std::views::iota(1));
  std::atomic<int> given = 0;
  std::vector<std::thread> takers;
  for (int i = 0; i < 12; ++i) takers.emplace_back([&] { given += results.next().value() > 0; });
  for (auto& taker : takers) taker.join();
  EXPECT_EQ(given, 12);
}

TEST_P(PoolTest, ImapThatOutlivesItsPoolEnds) {
  std::optional<ImapResults<int>> results;
  {
    Pool pool(options(1));
    results = pool.imap(square, std::views::iota(0));
  }
  int given = 0;
  for (bool more = true; more; ++given) try {
      more = results->next(kLong).has_value();
    } catch (const PoolTerminated&) {
    }
  EXPECT_LT(given, 1'000);
}

// Callbacks

TEST_P(PoolTest, CallbackGetsTheResultBeforeGetReturns) {
  Pool pool(options(1));
  int seen = 0;
  pool.apply_async(Callbacks<int>{[&](const int& x) { seen = x; }}, square, 5).wait();
  EXPECT_EQ(seen, 25);
  size_t size = 0;
  pool.map_async(square, numbers(10), std::nullopt, {[&](const std::vector<int>& all) { size = all.size(); }}).wait();
  EXPECT_EQ(size, 10u);
  pool.starmap_async(add, std::vector<std::tuple<int, int>>{{1, 2}}, 1,
                     {[&](const std::vector<int>& all) { seen = all[0]; }})
      .wait();
  EXPECT_EQ(seen, 3);
  bool called = false;
  pool.apply_async(Callbacks<void>{[&] { called = true; }}, do_nothing, 1).wait();
  EXPECT_TRUE(called);
}

TEST_P(PoolTest, CallbacksRunThoughNobodyWaits) {
  Pool pool(options(1));
  auto [ours, theirs] = FdSocket::pair();
  pool.apply_async(Callbacks<int>{[&](const int& x) { test::send_text(theirs, std::to_string(x)); }}, square, 5);
  EXPECT_EQ(test::receive_text(ours), "25");
}

TEST_P(PoolTest, ErrorCallbackGetsTheError) {
  Pool pool(options(1));
  std::string text;
  const auto note = [&](const std::exception& e) { text = dynamic_cast<const RemoteError&>(e).message(); };
  pool.apply_async(Callbacks<int>{[](const int&) { FAIL(); }, note}, refuse, 4).wait();
  EXPECT_EQ(text, "no 4");
  pool.map_async(refuse, numbers(3), 1, {nullptr, note}).wait();
  EXPECT_EQ(text, "no 0");
}

TEST_P(PoolTest, CallbackThatThrowsHarmsNobody) {
  Pool pool(options(1));
  testing::internal::CaptureStderr();
  const auto later =
      pool.apply_async(Callbacks<int>{[](const int&) { throw std::runtime_error("in a callback"); }}, square, 5);
  EXPECT_EQ(later.get(kLong), 25);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("std::runtime_error: in a callback"));
  EXPECT_EQ(pool.apply(square, 6), 36);
}

TEST_P(PoolTest, CallbackMaySubmitButNotWait) {
  Pool pool(options(1));
  std::optional<AsyncResult<int>> second;
  std::string refused;
  pool.apply_async(Callbacks<int>{[&](const int& x) {
                     second = pool.apply_async(square, x);
                     try {
                       second->get();
                     } catch (const std::logic_error& e) {
                       refused = e.what();
                     }
                   }},
                   square, 3)
      .wait();
  EXPECT_EQ(second->get(kLong), 81);
  EXPECT_THAT(refused, HasSubstr("callback"));
}

// Life

TEST_P(PoolTest, HasAsManyWorkersAsAskedFor) {
  Pool pool(options(3));
  EXPECT_THAT(pool.worker_pids(), SizeIs(3));
  for (const pid_t pid : pool.worker_pids()) EXPECT_NE(test::process_state(pid), '\0');
}

TEST_P(PoolTest, MayHaveHundredsOfWorkers) {
  if (GetParam() == StartMethod::kSpawn) GTEST_SKIP() << "each is the program executed afresh";
  Pool pool(options(200));
  EXPECT_THAT(pool.worker_pids(), SizeIs(200));
  EXPECT_EQ(pool.map(square, numbers(1'000), 1), squares(1'000));
}

TEST_P(PoolTest, OfWhichAWorkerCannotBeStartedLeavesNothing) {
  if (test::kSanitizerOpensDescriptors) GTEST_SKIP() << "the sanitizer needs descriptors where there are none";
  {
    Pool first(options(1));  // Connects to the fork server, should an earlier test have ended it.
  }
  const auto descriptors = test::open_descriptors();
  const auto children = test::children_of_this_process();
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const rlimit few{descriptors.size() + 20, before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &few);
  EXPECT_THROW(Pool(options(50)), std::runtime_error);
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_THAT(active_children(), IsEmpty());
  EXPECT_EQ(test::open_descriptors(), descriptors);
  EXPECT_EQ(test::children_of_this_process(), children);
}

int map_in_a_pool(int count) {
  Pool pool(2);
  const auto all = pool.map(square, numbers(count));
  pool.close();
  pool.join();
  return std::accumulate(all.begin(), all.end(), 0);
}

TEST_P(PoolTest, MayBeMadeInAChild) {
  Process process(GetParam(), +[] { std::exit(map_in_a_pool(5)); });
  process.start();
  ASSERT_TRUE(process.join(kLong));
  EXPECT_EQ(process.exitcode(), 0 + 1 + 4 + 9 + 16);
}

TEST_P(PoolTest, MayLiveAsLongAsTheProgram) {
  Process process(
      GetParam(), +[] {
        static Pool pool(1);
        std::exit(pool.apply(square, 3));
      });
  process.start();
  ASSERT_TRUE(process.join(kLong)) << "its end waits for ever";
  EXPECT_EQ(process.exitcode(), 9);
}

TEST_P(PoolTest, NegativeNumberOfProcessesIsAnError) { EXPECT_THROW(Pool(options(-1)), std::invalid_argument); }

TEST_P(PoolTest, ZeroProcessesMeanOneForEachCpu) {
  cpu_set_t cpus;
  ::sched_getaffinity(0, sizeof cpus, &cpus);
  EXPECT_THAT(Pool(options(0)).worker_pids(), SizeIs(CPU_COUNT(&cpus)));
}

TEST_P(PoolTest, JoinBeforeCloseIsAnError) {
  Pool pool(options(1));
  EXPECT_THROW(pool.join(), std::logic_error);
  pool.close();
  pool.join();
  pool.join();
}

TEST_P(PoolTest, CloseFinishesWhatWasSubmittedAndTakesNoMore) {
  Pool pool(options(2));
  const auto later = pool.map_async(square, numbers(1'000), 1);
  const auto workers = pool.worker_pids();
  pool.close();
  EXPECT_THROW(pool.apply(square, 1), std::logic_error);
  EXPECT_THROW(pool.map(square, numbers(3)), std::logic_error);
  EXPECT_THROW(pool.imap(square, numbers(3)), std::logic_error);
  pool.join();
  EXPECT_TRUE(later.ready());
  EXPECT_EQ(later.get(), squares(1'000));
  for (const pid_t pid : workers) EXPECT_EQ(test::process_state(pid), '\0');
}

TEST_P(PoolTest, TerminateEndsRunningAndWaitingCalls) {
  Pool pool(options(2));
  auto [ours, theirs] = FdSocket::pair();
  const OwnedFd fd = theirs.take();
  std::vector<AsyncResult<int>> later;
  for (int i = 0; i < 5; ++i) later.push_back(pool.apply_async(wait_for_word, fd, i));
  auto results = pool.imap(square, numbers(1'000));
  const auto workers = pool.worker_pids();
  pool.terminate();
  pool.join();
  for (const auto& result : later) EXPECT_THROW(result.get(), PoolTerminated);
  EXPECT_THROW(results.next(), PoolTerminated);
  EXPECT_THROW(pool.apply(square, 1), std::logic_error);
  for (const pid_t pid : workers) EXPECT_EQ(test::process_state(pid), '\0');
}

TEST_P(PoolTest, DeathOfAStoppedWorkerFailsNothingThatItHadNotTaken) {
  Pool pool(options(1));
  ::kill(pool.worker_pids().at(0), SIGSTOP);
  const auto later = pool.apply_async(square, 1);
  // SIGTERM reaches it only once it goes on; SIGKILL follows.
  ::kill(pool.worker_pids().at(0), SIGKILL);
  EXPECT_EQ(later.get(kLong), 1) << "by the one that replaces it";
}

TEST_P(PoolTest, IsRefusedByNameInAForkedChild) {
  Pool pool(options(1));
  auto [ours, theirs] = FdSocket::pair();
  auto later = pool.apply_async(wait_for_word, theirs.take(), 7);
  auto results = pool.imap(square, numbers(3));
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(5);
    int refused = 0;
    const auto ask = [&](const auto& call) {
      try {
        call();
      } catch (const std::logic_error& e) {
        refused += std::string(e.what()).find("process " + std::to_string(parent)) != std::string::npos;
      }
    };
    ask([&] { later.get(); });
    ask([&] { later.wait(milliseconds(1)); });
    ask([&] { results.next(); });
    ask([&] { pool.apply(square, 1); });
    ask([&] { pool.close(); });
    ask([&] { pool.terminate(); });
    ask([&] { pool.join(); });
    ask([&] { pool.worker_pids(); });
    ::_exit(refused);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status)) << "it hung";
  EXPECT_EQ(WEXITSTATUS(status), 8);
  ours.close();
  EXPECT_EQ(later.get(kLong), 7) << "the parent's pool goes on";
}

TEST_P(PoolTest, EndOfScopeTerminates) {
  std::optional<AsyncResult<int>> later;
  auto [ours, theirs] = FdSocket::pair();
  {
    Pool pool(options(2));
    later = pool.apply_async(wait_for_word, theirs.take(), 1);
  }
  EXPECT_THROW(later->get(), PoolTerminated);
}

TEST_P(PoolTest, TerminateAfterCloseDoesNotWaitForCalls) {
  Pool pool(options(1));
  auto [ours, theirs] = FdSocket::pair();
  const auto later = pool.apply_async(wait_for_word, theirs.take(), 1);
  pool.close();
  pool.terminate();
  EXPECT_THROW(later.get(), PoolTerminated);
}

TEST_P(PoolTest, TerminateInACallbackIsAllowed) {
  Pool pool(options(1));
  auto [ours, theirs] = FdSocket::pair();
  pool.apply_async(Callbacks<int>{[&](const int&) {
                     pool.terminate();
                     test::send_text(theirs, "done");
                   }},
                   square, 1);
  EXPECT_EQ(test::receive_text(ours), "done");
  pool.join();
}

TEST_P(PoolTest, LeavesNoDescriptorNoChildAndNoThread) {
  {
    Pool first(options(1));
  }
  EXPECT_THAT(active_children(), IsEmpty());
  const auto before = test::open_descriptors();
  const auto children = test::children_of_this_process();
  {
    Pool pool(options(3));
    pool.map(do_nothing, numbers(100), 1);
    const size_t of_worker = GetParam() == StartMethod::kForkServer ? 3 : 2;
    EXPECT_EQ(test::open_descriptors().size(), before.size() + 3 + of_worker * 3);
  }
  EXPECT_THAT(active_children(), IsEmpty());
  EXPECT_EQ(test::open_descriptors(), before);
  EXPECT_EQ(test::children_of_this_process(), children);
}

// Workers' lives

int g_initialized = 0;
void initialize(int n, const std::string& text) { g_initialized += n + static_cast<int>(text.size()); }
int initialized(int) { return g_initialized; }

TEST_P(PoolTest, InitializerRunsOnceInEachWorkerBeforeItsCalls) {
  Pool pool(options(2).initializer(initialize, 40, "ab"));
  EXPECT_THAT(pool.map(initialized, numbers(20), 1), testing::Each(42));
  for (const pid_t pid : pool.worker_pids()) ::kill(pid, SIGKILL);
  EXPECT_THAT(pool.map(initialized, numbers(20), 1), testing::Each(42)) << "also in those that replace others";
}

TEST_P(PoolTest, InitializerThatThrowsBreaksThePoolInsteadOfHangingIt) {
  Pool pool(options(2).initializer([](int x) { refuse(x); }, 3));
  const auto use = [&] {
    try {
      pool.apply(square, 1);
    } catch (const BrokenPool& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_THAT(use(), HasSubstr("std::invalid_argument: no 3"));
  EXPECT_THAT(use(), HasSubstr("std::invalid_argument: no 3")) << "again";
  pool.close();
  pool.join();
}

TEST_P(PoolTest, WorkersThatDieBeforeTheyAreReadyBreakThePool) {
  Pool pool(options(1).initializer([] { ::raise(SIGKILL); }));
  EXPECT_THROW(pool.apply(square, 1), BrokenPool);
}

// Dies, and leaves a letter, once there is text in the file.
void die_once_told(const OwnedFd& file) {
  struct stat status{};
  if (::fstat(file.get(), &status) != 0 || status.st_size == 0) return;
  static_cast<void>(::write(file.get(), "x", 1) < 0);
  ::raise(SIGKILL);
}

TEST_P(PoolTest, WorkersThatDieBeforeTheyAreReadyDoNotBreakThePoolWhereAnotherWorks) {
  const test::OutputFile output;
  Pool pool(options(2).initializer(die_once_told, OwnedFd(::dup(output.fd()))));
  const pid_t works = pool.apply(pid_of_worker, 0);
  ASSERT_EQ(::write(output.fd(), "!", 1), 1);
  for (const pid_t pid : pool.worker_pids())
    if (pid != works) ::kill(pid, SIGKILL);
  while (output.text().size() < 20) EXPECT_EQ(pool.apply(pid_of_worker, 0), works);
  ::kill(works, SIGKILL);
  try {
    for (;;) pool.apply(square, 1);
  } catch (const WorkerLost&) {  // It had taken the call already.
    EXPECT_THROW(pool.apply(square, 1), BrokenPool);
  } catch (const BrokenPool&) {
  }
}

TEST_P(PoolTest, WorkerIsReplacedAfterItsTasks) {
  Pool pool(options(1).maxtasksperchild(3));
  const auto pids = pool.map(pid_of_worker, numbers(30), 1);
  std::map<pid_t, int> tasks;
  for (const pid_t pid : pids) ++tasks[pid];
  EXPECT_EQ(tasks.size(), 10u);
  for (const auto& [pid, count] : tasks) EXPECT_EQ(count, 3);
}

TEST_P(PoolTest, ChunkCountsAsOneTask) {
  Pool pool(options(1).maxtasksperchild(2));
  const auto pids = pool.map(pid_of_worker, numbers(20), 5);
  EXPECT_EQ(std::set<pid_t>(pids.begin(), pids.end()).size(), 2u);
}

TEST_P(PoolTest, CloseWithTasksLeftStillReplacesWorkers) {
  Pool pool(options(2).maxtasksperchild(1));
  const auto later = pool.map_async(square, numbers(12), 1);
  pool.close();
  pool.join();
  EXPECT_EQ(later.get(), squares(12));
}

TEST_P(PoolTest, WithoutALimitWorkersStay) {
  Pool pool(options(2));
  const auto workers = pool.worker_pids();
  pool.map(square, numbers(500), 1);
  EXPECT_EQ(pool.worker_pids(), workers);
}

// Deaths

int die_at(int x, int fatal) {
  if (x == fatal) ::raise(SIGKILL);
  return x;
}

TEST_P(PoolTest, DeathOfAWorkerFailsItsCallWithPidSignalAndCall) {
  Pool pool(options(1));
  const pid_t worker = pool.apply(pid_of_worker, 0);
  try {
    pool.apply(die_at, 1, 1);
    FAIL();
  } catch (const WorkerLost& e) {
    EXPECT_EQ(e.pid(), worker);
    EXPECT_EQ(e.signal(), SIGKILL);
    EXPECT_EQ(e.exitcode(), -SIGKILL);
    EXPECT_THAT(e.call(), HasSubstr("die_at(int, int)"));
    EXPECT_THAT(e.what(), AllOf(HasSubstr("SIGKILL"), HasSubstr(std::to_string(worker)), HasSubstr("die_at")));
  }
  EXPECT_NE(pool.apply(pid_of_worker, 0), worker) << "the pool goes on";
}

TEST_P(PoolTest, CallThatExitsFailsWithTheExitCode) {
  Pool pool(options(1));
  try {
    pool.apply([](int code) { std::exit(code); }, 3);
    FAIL();
  } catch (const WorkerLost& e) {
    EXPECT_EQ(e.exitcode(), 3);
    EXPECT_EQ(e.signal(), std::nullopt);
    EXPECT_THAT(e.what(), HasSubstr("exited with code 3"));
  }
}

TEST_P(PoolTest, DeathInAMapNamesTheItemsAndTheOtherChunksStillRun) {
  Pool pool(options(2));
  std::vector<std::tuple<int, int>> items;
  for (int i = 0; i < 30; ++i) items.emplace_back(i, 17);
  try {
    pool.starmap(die_at, items, 5);
    FAIL();
  } catch (const WorkerLost& e) {
    EXPECT_THAT(e.call(), HasSubstr("die_at(int, int), items 15 to 19"));
  }
}

TEST_P(PoolTest, DeathFailsExactlyTheCallsThatWereRunning) {
  Pool pool(options(2));
  std::vector<AsyncResult<int>> later;
  for (int i = 0; i < 400; ++i) later.push_back(pool.apply_async(die_at, i, i % 100 == 50 ? i : -1));
  for (int i = 0; i < 400; ++i) {
    auto& result = later[static_cast<size_t>(i)];
    if (i % 100 == 50)
      EXPECT_THROW(result.get(), WorkerLost) << i;
    else
      EXPECT_EQ(result.get(), i);
  }
}

TEST_P(PoolTest, DeathOfAnIdleWorkerFailsNothing) {
  Pool pool(options(2));
  for (int i = 0; i < 10; ++i) {
    for (const pid_t pid : pool.worker_pids()) ::kill(pid, SIGKILL);
    EXPECT_EQ(pool.map(square, numbers(10), 1), squares(10));
  }
}

// The pools of Python's documentation, measured in rounds of a sleep

std::optional<test::Rounds> g_rounds;
void keep_time(OwnedFd memory) {
  g_rounds.emplace(std::move(memory));
  g_rounds->join();
}

int nap(int x, uint32_t in_chunk, uint32_t chunk) {
  g_rounds->sleep(in_chunk, chunk);
  return x;
}

class PoolRounds : public PoolTest {
 protected:
  // Rounds that `count` naps take.
  uint32_t map_naps(Pool& pool, test::Rounds& rounds, size_t count, std::optional<size_t> chunksize, size_t workers) {
    const size_t chunk = chunksize.value_or(detail::default_chunksize(count, workers));
    std::vector<std::tuple<int, uint32_t, uint32_t>> items;
    for (size_t i = 0; i < count; ++i)
      items.emplace_back(static_cast<int>(i), i % chunk, std::min(chunk, count - i / chunk * chunk));
    rounds.expect(static_cast<uint32_t>((count + chunk - 1) / chunk));
    EXPECT_EQ(pool.starmap(nap, items, chunksize), numbers(static_cast<int>(count)));
    return rounds.taken();
  }

  PoolOptions with(const test::Rounds& rounds, int workers) const {
    return options(workers).initializer(keep_time, OwnedFd(::dup(rounds.fd())));
  }
};
INSTANTIATE_TEST_SUITE_P(, PoolRounds, test::every_start_method(), test::start_method_name);

TEST_P(PoolRounds, TwoAppliesTakeTwo) {
  test::Rounds rounds(4);
  Pool pool(with(rounds, 4));
  uint32_t taken = 0;
  for (int i = 0; i < 2; ++i) {
    rounds.expect(1);
    EXPECT_EQ(pool.apply(nap, i, 0, 1), i);
    taken += rounds.taken();
  }
  EXPECT_EQ(taken, 2u);
}

TEST_P(PoolRounds, TwoAppliesAtOnceTakeOne) {
  test::Rounds rounds(4);
  Pool pool(with(rounds, 4));
  rounds.expect(2);
  const auto first = pool.apply_async(nap, 1, 0, 1);
  const auto second = pool.apply_async(nap, 2, 0, 1);
  EXPECT_EQ(first.get() + second.get(), 3);
  EXPECT_EQ(rounds.taken(), 1u);
}

TEST_P(PoolRounds, ThreeAppliesAtOnceOnTwoWorkersTakeTwo) {
  test::Rounds rounds(2);
  Pool pool(with(rounds, 2));
  rounds.expect(3);
  std::vector<AsyncResult<int>> all;
  for (int i = 0; i < 3; ++i) all.push_back(pool.apply_async(nap, i, 0, 1));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(all[static_cast<size_t>(i)].get(), i);
  EXPECT_EQ(rounds.taken(), 2u);
}

TEST_P(PoolRounds, StarmapOfThreeOnTwoWorkersTakesTwo) {
  test::Rounds rounds(2);
  Pool pool(with(rounds, 2));
  EXPECT_EQ(map_naps(pool, rounds, 3, std::nullopt, 2), 2u);
}

TEST_P(PoolRounds, MapOfTenOnTwoWorkersTakesThreeOfTheDefaultChunksAndLessTimeWithOneOrFive) {
  test::Rounds rounds(2);
  Pool pool(with(rounds, 2));
  EXPECT_EQ(map_naps(pool, rounds, 10, std::nullopt, 2), 3u * 2u) << "three rounds of chunks of two";
  EXPECT_EQ(map_naps(pool, rounds, 10, 1, 2), 5u);
  EXPECT_EQ(map_naps(pool, rounds, 10, 5, 2), 5u);
  EXPECT_EQ(map_naps(pool, rounds, 10, 10, 2), 10u) << "one worker does it all";
}

}  // namespace
}  // namespace millrace::multiprocessing
