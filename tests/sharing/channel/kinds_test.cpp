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
#include "millrace/sharing/sync/array.h"
#include "millrace/sharing/sync/semaphore.h"

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
