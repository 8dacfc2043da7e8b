// CPython's test_multiprocessing: _TestValue (test_value, test_rawvalue, test_getobj_getlock), _TestArray (test_array,
// test_array_from_size, test_rawarray, test_rawarray_from_size, test_getobj_getlock_obj), _TestSharedCTypes
// (test_sharedctypes, test_synchronize, test_copy), and what Python does not promise.
#include "millrace/sharing/sync/value.h"
#include "millrace/sharing/codec/handle_kind.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <list>
#include <mutex>
#include <numeric>
#include <ranges>
#include <thread>

#include "millrace/sharing/sync/array.h"
#include "millrace/sharing/sync/event.h"
#include "millrace/sharing/sync/sync_memory.h"
#include "millrace/tests/sharing/sync/crew.h"
#include "millrace/tests/support/process_probe.h"

namespace millrace::multiprocessing {
namespace {

using test::kLong;
using testing::ElementsAre;
using testing::HasSubstr;

struct Foo {
  int32_t x;
  double y;

  bool operator==(const Foo&) const = default;
};

class ValueOfMany : public SyncTest {};
INSTANTIATE_TEST_SUITE_P(, ValueOfMany, everybody(), name_of);

// test_value, test_sharedctypes
TEST_P(ValueOfMany, ShowsWhatAnotherWrote) {
  Value<int> number(7);
  Value<double> real(1.0 / 3);
  Value<char> letter('c');
  Value<Foo> foo({3, 2});
  Crew crew(GetParam());
  crew.start(
      +[](Value<int>& n, Value<double>& r, Value<char>& l, Value<Foo>& f) {
        require(n.get() == 7 && r.get() == 1.0 / 3 && l.get() == 'c' && f.get() == Foo{3, 2}, "the first values");
        n.set(2 * n.get());
        r.set(2 * r.get());
        l.set('x');
        f.set({6, 4});
      },
      std::ref(number), std::ref(real), std::ref(letter), std::ref(foo));
  crew.join();
  EXPECT_EQ(number.get(), 14);
  EXPECT_EQ(real.get(), 2.0 / 3);
  EXPECT_EQ(letter.get(), 'x');
  EXPECT_EQ(foo.get(), (Foo{6, 4}));
}

// test_rawvalue
TEST_P(ValueOfMany, ShowsWhatAnotherWroteWithoutALock) {
  RawValue<int64_t> number(-1);
  RawArray<int> list{1, 2, 3};
  Crew crew(GetParam());
  crew.start(
      +[](RawValue<int64_t>& n, RawArray<int>& l) {
        n.value() = int64_t{1} << 40;
        for (int& element : l.view()) element *= 2;
      },
      std::ref(number), std::ref(list));
  crew.join();
  EXPECT_EQ(number.value(), int64_t{1} << 40);
  EXPECT_THAT(list.view(), ElementsAre(2, 4, 6));
}

// test_synchronize
TEST_P(ValueOfMany, IsCountedUpByManyUnderItsLock) {
  Value<int> number;
  Crew crew(GetParam());
  const auto count = [](Value<int>& n) {
    for (int i = 0; i < 500; ++i) {
      const std::lock_guard hold(n.get_lock());
      n.set(n.get() + 1);
      ++n.value();
    }
  };
  for (int i = 0; i < 3; ++i) crew.start(+count, std::ref(number));
  crew.join();
  EXPECT_EQ(number.get(), 3000);
}

// test_getobj_getlock
TEST_P(ValueOfMany, MayShareALockWithOthers) {
  RLock lock;
  Value<int> number(5, lock);
  const std::vector<int> three = {1, 2, 3};
  Array<int> list(three, lock);
  number.get_lock().lock();
  EXPECT_TRUE(lock.is_held());
  EXPECT_TRUE(list.get_lock().is_held());
  Crew crew(GetParam());
  crew.start(
      +[](RLock& l, Value<int>& n, Array<int>& a) {
        require(l.try_acquire() == Acquired::kNo, "another holds it");
        require(n.get_lock().try_acquire() == Acquired::kNo, "and so the value's");
        require(a.get_lock().try_acquire() == Acquired::kNo, "and so the array's");
      },
      std::ref(lock), std::ref(number), std::ref(list));
  crew.join();
  number.get_lock().unlock();
  EXPECT_FALSE(lock.is_held());
}

TEST_P(ValueOfMany, MayBeGuardedByALockThatIsNotTakenTwice) {
  Lock lock;
  Value<int> number(5, lock);
  Array<int> list(std::vector{1, 2}, lock);
  {
    const std::lock_guard hold(number.get_lock());
    EXPECT_TRUE(lock.is_held());
    EXPECT_EQ(number.value(), 5);
    EXPECT_THROW((void)number.get(), std::logic_error) << "it would wait for itself";
    Crew crew(GetParam());
    crew.start(
        +[](Value<int>& n, Array<int>& a) {
          require(n.get_lock().try_acquire() == Acquired::kNo, "another holds it");
          require(a.get_lock().try_acquire() == Acquired::kNo, "and so the array's");
        },
        std::ref(number), std::ref(list));
    crew.join();
  }
  EXPECT_EQ(number.get(), 5);
}

TEST(ValueAlone, IsAssignedAndReadAsItsType) {
  Value<int> number;
  number = 7;
  EXPECT_EQ(number.get(), 7);
  const int read = number;
  EXPECT_EQ(read, 7);
  EXPECT_FALSE(number.get_lock().is_held());
  RawValue<double> raw;
  raw = 1.5;
  EXPECT_EQ(raw.value(), 1.5);
  const double raw_read = raw;
  EXPECT_EQ(raw_read, 1.5);
}

class ArrayOfMany : public SyncTest {};
INSTANTIATE_TEST_SUITE_P(, ArrayOfMany, everybody(), name_of);

// test_array
TEST_P(ArrayOfMany, ShowsWhatAnotherWrote) {
  const std::vector<int> sequence = {680, 626, 934, 821, 150, 233, 548, 982, 714, 831};
  Array<int> array(sequence);
  EXPECT_EQ(array.size(), sequence.size());
  EXPECT_EQ(array.copy(), sequence);
  array.assign(4, std::vector{1, 2, 3, 4});
  EXPECT_EQ(array.get(5), 2);
  array.set(0, 7);
  Crew crew(GetParam());
  crew.start(
      +[](Array<int>& a) {
        const std::lock_guard hold(a.get_lock());
        const auto view = a.view();
        std::partial_sum(view.begin(), view.end(), view.begin());
      },
      std::ref(array));
  crew.join();
  std::vector<int> expected = {7, 626, 934, 821, 1, 2, 3, 4, 714, 831};
  std::partial_sum(expected.begin(), expected.end(), expected.begin());
  EXPECT_EQ(array.copy(), expected);
}

// test_array_from_size, test_rawarray_from_size
TEST(ArrayAlone, OfASizeIsAllZeroAlsoWhenItsMemoryIsUsedAgain) {
  for (int i = 0; i < 3; ++i) {
    Array<int> array(10);
    EXPECT_THAT(array.copy(), testing::Each(0));
    array.assign(0, std::vector{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
    EXPECT_EQ(array.get(9), 9);
    RawArray<double> raw(4);
    EXPECT_THAT(raw.view(), testing::Each(0.0));
    raw[3] = 1;
  }
}

TEST(ArrayAlone, RefusesElementsItDoesNotHave) {
  Array<int> array{1, 2, 3};
  EXPECT_THROW((void)array.get(3), std::out_of_range);
  EXPECT_THROW(array.set(3, 0), std::out_of_range);
  EXPECT_THROW(array.assign(2, std::vector{1, 2}), std::out_of_range);
  EXPECT_THROW(array.assign(4, {}), std::out_of_range);
  EXPECT_NO_THROW(array.assign(3, {}));
  EXPECT_THROW(Array<int>(std::numeric_limits<size_t>::max() / 4), std::exception);
  EXPECT_FALSE(array.get_lock().is_held());
}

TEST(ArrayAlone, HasElementsThatAreReadAndWrittenInPlace) {
  Array<int> array{1, 2, 3};
  array[0] = 10;
  array[1] = array[0];
  array[2] += 4;
  ++array[2];
  EXPECT_EQ(array.copy(), (std::vector{10, 10, 8}));
  EXPECT_EQ(array[2] * 2, 16);
  for (auto element : array) element *= 2;
  int sum = 0;
  const auto& constant = array;
  for (const int x : constant) sum += x;
  EXPECT_EQ(sum, 56);
  EXPECT_EQ(constant[0], 20);
  EXPECT_EQ(std::ranges::max(array), 20);
  EXPECT_EQ(array.copy(1, 2), (std::vector{20, 16}));
  EXPECT_THROW(array[3] = 1, std::out_of_range);
  EXPECT_THROW((void)static_cast<int>(array[3]), std::out_of_range);
  EXPECT_THROW((void)array.copy(2, 2), std::out_of_range);
  EXPECT_FALSE(array.get_lock().is_held());
}

TEST_P(ArrayOfMany, HasElementsThatAreCountedUpByManyAtOnce) {
  Array<int> array(2);
  Crew crew(GetParam());
  for (int i = 0; i < 3; ++i)
    crew.start(
        +[](Array<int>& a) {
          for (int k = 0; k < 1000; ++k) ++a[1];
        },
        std::ref(array));
  crew.join();
  EXPECT_EQ(array[1], 3000);
}

TEST(ArrayAlone, IsMadeOfAnyRange) {
  const auto squares = std::views::iota(0, 4) | std::views::transform([](int x) { return x * x; });
  EXPECT_EQ(Array<int>(squares).copy(), (std::vector{0, 1, 4, 9}));
  EXPECT_EQ(Array<double>(std::list<int>{1, 2}).copy(), (std::vector{1.0, 2.0}));
  const RawArray<int> raw(squares);
  EXPECT_TRUE(std::ranges::equal(raw, squares));
}

TEST(ArrayAlone, MayBeEmpty) {
  EXPECT_EQ(Array<int>().size(), 0u);
  EXPECT_TRUE(Array<int>(0).copy().empty());
}

TEST(ArrayAlone, IsOneDescriptorWhereItIsLargeAndSmallOnesShareOne) {
  const auto before = test::open_descriptors();
  {
    Value<int> value;
    Array<int> array(10);
    RLock lock;
    EXPECT_EQ(test::open_descriptors().size(), before.size() + 1);
    Array<int> large(65);
    EXPECT_EQ(test::open_descriptors().size(), before.size() + 2);
  }
  EXPECT_EQ(test::open_descriptors(), before);
}

// test_copy
TEST(ValueAlone, GivesCopiesThatDoNotFollow) {
  Value<Foo> foo({2, 5.0});
  const Foo copy = foo.get();
  foo.set({3, 0});
  EXPECT_EQ(copy, (Foo{2, 5.0}));
}

TEST(ValueOfTheDead, IsNotReadBeforeSomebodyWasTold) {
  Value<int> value(1);
  Event held;
  auto owner = victim(
      +[](Value<int>& v, Event& h) {
        v.get_lock().lock();
        v.value() = -1;  // Half of something.
        h.set();
        for (;;) ::pause();
      },
      std::ref(value), std::ref(held));
  ASSERT_TRUE(held.wait(kLong));
  kill_and_join(owner);
  EXPECT_THROW((void)value.get(), OwnerDied);
  EXPECT_THROW(value.set(2), OwnerDied);
  ASSERT_EQ(value.get_lock().acquire(), Acquired::kOwnerDied);
  value.value() = 1;
  value.get_lock().release();
  EXPECT_EQ(value.get(), 1);
}

TEST(SyncCodec, RefusesPlacesThatAreNotInTheMemoryThatCame) {
  Event event;
  const auto read = [&](uint32_t segment, uint64_t offset, uint64_t bytes) {
    EncodeArchive out;
    event.save(out);
    auto fds = out.take().fds;
    EncodeArchive forging;
    millrace::detail::save_kind(forging, "an Event");
    forging(segment, offset, bytes);
    const auto forged = forging.take();
    DecodeArchive in(forged.bytes, fds);
    Event loaded;
    loaded.load(in);
  };
  EXPECT_NO_THROW(read(0, 64, 64));
  EXPECT_THROW(read(1, 0, 64), DecodeError);
  EXPECT_THROW(read(0, 4, 64), DecodeError) << "between two places";
  EXPECT_THROW(read(0, uint64_t{1} << 40, 64), DecodeError);
  EXPECT_THROW(read(0, 64, uint64_t{1} << 40), DecodeError);
  EXPECT_THROW(read(0, 64, UINT64_MAX - 63), DecodeError);
  EXPECT_THROW(read(0, 64, 1), DecodeError);
}

// Each is gone before the next is made, often at its address.
TEST(SyncCodec, WritesWhatDoesNotOutliveTheMessage) {
  EncodeArchive out;
  for (int i = 1; i <= 3; ++i) {
    RawArray<int> array(1000);
    array[0] = i;
    out(array);
  }
  auto encoded = out.take();
  EXPECT_EQ(encoded.fds.size(), 3u);
  DecodeArchive in(encoded.bytes, encoded.fds);
  for (int i = 1; i <= 3; ++i) {
    RawArray<int> array(1);
    in(array);
    EXPECT_EQ(array[0], i);
  }
}

// A thread that makes the next segment finds itself the last owner of this one.
TEST(SyncMemory, IsMadeWhileAnotherThreadDropsTheLastObjectBesideIt) {
  const test::Watchdog watchdog("making shared objects in two threads", kLong);
  const auto make_and_drop = [] {
    for (int i = 0; i < 2'000; ++i) {
      const auto memory = detail::SyncMemory::create("dropped", detail::SyncMemory::kMostTogether);
      std::this_thread::yield();
    }
  };
  std::thread other(make_and_drop);
  make_and_drop();
  other.join();
}

TEST(SyncCodec, RefusesMemoryThatIsTooSmall) {
  EncodeArchive out;
  Event().save(out);
  auto encoded = out.take();
  DecodeArchive in(encoded.bytes, encoded.fds);
  Array<double> array;
  EXPECT_THROW(in(array), DecodeError);
}

}  // namespace
}  // namespace millrace::multiprocessing
