// Messages that are read as another type than they were sent as.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "millrace/sharing/channel/joinable_queue.h"
#include "millrace/sharing/channel/pipe.h"
#include "millrace/sharing/channel/queue.h"
#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/memory/shared_memory.h"
#include "millrace/sharing/sync/array.h"
#include "millrace/sharing/sync/barrier.h"
#include "millrace/sharing/sync/condition.h"
#include "millrace/sharing/sync/event.h"
#include "millrace/sharing/sync/lock.h"
#include "millrace/sharing/sync/semaphore.h"
#include "millrace/sharing/sync/value.h"

namespace millrace::kinds_test {
namespace {

namespace mp = millrace::multiprocessing;
using ::testing::HasSubstr;

/// What reading a Sent as a Read throws; "" for nothing.
template <class Read, class Sent>
std::string refusal(const Sent& sent) {
  auto [a, b] = mp::Pipe();
  a.send(sent);
  try {
    b.recv<Read>();
  } catch (const DecodeError& e) {
    return e.what();
  }
  return "";
}

TEST(AMessage, OfADoubleIsNoInteger) {
  EXPECT_THAT(refusal<int64_t>(2.5), HasSubstr("sender and receiver disagree on its type"));
  EXPECT_NE(refusal<float>(int32_t{1}), "");
}

TEST(AMessage, OfASignedNumberIsNoUnsignedOne) {
  EXPECT_NE(refusal<uint64_t>(int64_t{-1}), "");
  EXPECT_NE(refusal<bool>(uint8_t{1}), "");
}

TEST(AMessage, IsComparedInsideContainersAndClasses) {
  EXPECT_NE(refusal<std::vector<int64_t>>(std::vector<double>{1, 2}), "");
  EXPECT_NE((refusal<std::map<std::string, uint32_t>>(std::map<std::string, float>{{"a", 1.f}})), "");
  EXPECT_NE((refusal<std::pair<int, float>>(std::pair(1.f, 1))), "") << "in their order";
}

TEST(AMessage, OfTheSameKindsArrivesAsAnotherTypeOfThem) {
  EXPECT_EQ(refusal<long long>(long{1}), "");
  enum class Letter : uint8_t { kA };
  EXPECT_EQ(refusal<Letter>(uint8_t{0}), "");
}

TEST(AMessage, ThatIsLongerSaysByHowMuch) {
  EXPECT_THAT(refusal<int32_t>(int64_t{1}), HasSubstr("holds 4 bytes more than what it was read as"));
}

TEST(AMessage, OfAQueueIsComparedToo) {
  mp::Queue<double> doubles;
  mp::Queue<int64_t> integers;
  auto [a, b] = mp::Pipe();
  a.send(doubles);
  integers = b.recv<mp::Queue<int64_t>>();
  doubles.put(1.5);
  EXPECT_THROW(integers.get(), DecodeError);
}

/// What reading a Sent as a Read throws.
template <class Read, class Sent>
std::string refusal_of() {
  return refusal<Read>(Sent());
}

TEST(AMessage, OfAHandleIsNoOtherHandle) {
  EXPECT_THAT((refusal_of<mp::Event, mp::Lock>()), HasSubstr("holds a Lock where an Event was to be read"));
  EXPECT_THAT((refusal_of<mp::RLock, mp::Lock>()), HasSubstr("holds a Lock where an RLock was to be read"));
  EXPECT_NE((refusal_of<mp::Lock, mp::RLock>()), "");
  EXPECT_THAT((refusal_of<mp::BoundedSemaphore, mp::Semaphore>()), HasSubstr("a BoundedSemaphore was to be read"));
  EXPECT_NE((refusal_of<mp::Barrier, mp::Condition>()), "");
  EXPECT_NE((refusal_of<mp::Condition, mp::Event>()), "");
  EXPECT_NE((refusal_of<mp::Queue<int>, mp::JoinableQueue<int>>()), "");
  EXPECT_NE((refusal_of<mp::RawArray<int>, mp::Array<int>>()), "");
  EXPECT_NE((refusal_of<mp::RawValue<int>, mp::Value<int>>()), "");
  EXPECT_NE((refusal_of<mp::Connection, mp::Event>()), "");
  EXPECT_NE((refusal_of<mp::SharedMemory, mp::Event>()), "");
}

TEST(AMessage, OfSharedNumbersIsNoneOfOtherNumbers) {
  EXPECT_THAT(refusal<mp::Value<int64_t>>(mp::Value<double>(1.5)),
              HasSubstr("holds a Value of double where a Value of int64_t was to be read"));
  EXPECT_THAT(refusal<mp::Array<int64_t>>(mp::Array<double>(3)), HasSubstr("an Array of int64_t"));
  EXPECT_NE(refusal<mp::Array<int32_t>>(mp::Array<double>(3)), "");
  EXPECT_NE(refusal<mp::RawArray<int32_t>>(mp::RawArray<float>(3)), "");
  EXPECT_NE(refusal<mp::RawValue<uint8_t>>(mp::RawValue<bool>(true)), "");
  struct Point {
    float x, y;
  };
  EXPECT_THAT(refusal<mp::Array<double>>(mp::Array<Point>(3)), HasSubstr("Point (8 bytes)"));
  EXPECT_EQ(refusal<mp::Array<long long>>(mp::Array<long>(3)), "");
}

TEST(AMessage, OfNoHandleSaysWhichOneWasToBeRead) {
  EXPECT_THAT(refusal<mp::Lock>(7), HasSubstr("holds something else where a Lock was to be read"));
  EXPECT_THAT(refusal<mp::Lock>(std::string("a text that is long enough")), HasSubstr("where a Lock was to be read"));
}

/// What a user passes around in one piece.
struct Handles {
  mp::Queue<int> queue;
  mp::JoinableQueue<int> joinable;
  mp::Semaphore semaphore;
  mp::BoundedSemaphore bounded;
  mp::Array<int> array;
  mp::RawArray<int> raw;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(queue, joinable, semaphore, bounded, array, raw);
  }
};

TEST(AMessage, MayBeAStructOfHandles) {
  Handles handles;
  handles.raw = {3};
  auto [a, b] = mp::Pipe();
  a.send(handles);
  auto arrived = b.recv<Handles>();
  handles.queue.put(5);
  handles.raw[0] = 4;
  EXPECT_EQ(arrived.queue.get(), 5);
  EXPECT_EQ(arrived.raw[0], 4);
}

}  // namespace
}  // namespace millrace::kinds_test
