#include "millrace/loader/engine/tickets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/loader/errors.h"
#include "millrace/loader/seeds.h"
#include "millrace/loader/sources/fill_request.h"
#include "millrace/sharing/codec/archive.h"

namespace millrace::tickets_test {
namespace {

using testing::HasSubstr;

struct TicketsTest : testing::Test {
  size_t open(const BatchPlan& plan, std::vector<int64_t> indices) { return in_flight.open(0, plan, 1, indices); }

  static BatchPlan plan(int64_t epoch, int64_t position) {
    BatchPlan plan;
    plan.epoch = epoch;
    plan.position = position;
    return plan;
  }

  // What stands in the body of a slot, as a worker reads it.
  StreamRequest request_in(size_t slot) const {
    const auto body = slots.body(slot);
    uint64_t size = 0;
    std::memcpy(&size, body.data(), sizeof size);
    const auto begin = body.begin() + sizeof size;
    const std::vector<std::byte> bytes(begin, begin + static_cast<ptrdiff_t>(size));
    StreamRequest request;
    DecodeArchive archive(bytes, {});
    archive(request);
    return request;
  }

  DataLoaderOptions options = DataLoaderOptions(4).seed(9);
  InFlight in_flight{2};
  SlotMemory slots{SlotLayout(4, std::array{size_t{256}}), 2, nullptr};
  Tickets of_rows{Source::Kind::kRows, options, in_flight, slots};
  Tickets of_streams{Source::Kind::kStreams, options, in_flight, slots};
};

TEST_F(TicketsTest, TellEachRowItsSampleAndTheSeedOfItsPlaceInTheEpoch) {
  const size_t slot = open(plan(3, 100), {7, 8, 6});
  of_rows.write(slot);
  const auto tickets = slots.tickets(slot);
  EXPECT_EQ(tickets[0], (SampleTicket{7, sample_seed(9, 3, 100)}));
  EXPECT_EQ(tickets[1], (SampleTicket{8, sample_seed(9, 3, 101)}));
  EXPECT_EQ(tickets[2], (SampleTicket{6, sample_seed(9, 3, 102)}));
}

TEST_F(TicketsTest, TellWhatIsAskedOfAStream) {
  BatchPlan planned = plan(3, 0);
  planned.stream = {.epoch = 3,
                    .stream = 5,
                    .num_streams = 8,
                    .position = 40,
                    .batch_size = 4,
                    .known_position = 36,
                    .known_state = {std::byte{1}, std::byte{2}}};
  const size_t slot = open(planned, {});
  of_streams.write(slot);
  const StreamRequest request = request_in(slot);
  EXPECT_EQ(request.stream, 5);
  EXPECT_EQ(request.position, 40);
  EXPECT_EQ(request.known_state, planned.stream.known_state);
  EXPECT_FALSE(request.skip_errors);
  EXPECT_EQ(slots.tickets(slot)[0], (SampleTicket{0, sample_seed(9, 3, 0)}));
}

TEST_F(TicketsTest, TellAStreamToSkipWhatCannotBeRead) {
  options.on_error(OnError::kSkip);
  const size_t slot = open(plan(0, 0), {});
  of_streams.write(slot);
  EXPECT_TRUE(request_in(slot).skip_errors);
}

TEST_F(TicketsTest, RefuseAStateThatIsLargerThanASlot) {
  BatchPlan planned;
  planned.stream.stream = 5;
  planned.stream.known_state.resize(slots.body(0).size());
  const size_t slot = open(planned, {});
  try {
    of_streams.write(slot);
    FAIL();
  } catch (const std::length_error& e) {
    EXPECT_THAT(e.what(), HasSubstr("the state of stream 5 takes "));
  }
}

TEST_F(TicketsTest, AreRenewedOnlyWhereTheReaderMayHaveWrittenOverThem) {
  const size_t slot = open(plan(0, 0), {7});
  of_rows.renew(slot);
  EXPECT_EQ(slots.tickets(slot)[0], SampleTicket()) << "of rows they lie apart";
  of_streams.renew(slot);
  EXPECT_EQ(request_in(slot).num_streams, 1);
}

TEST_F(TicketsTest, AreTheTrainersUntilSomebodyWritesThere) {
  const size_t slot = open(plan(0, 0), {7, 8, 6});
  of_rows.write(slot);
  EXPECT_NO_THROW(of_rows.require_own(slot));
  slots.tickets(slot)[3] = {99, 99};  // Behind the batch.
  EXPECT_NO_THROW(of_rows.require_own(slot));
  for (const SampleTicket scribbled : {SampleTicket{9, slots.tickets(slot)[2].seed}, SampleTicket{6, 1}}) {
    slots.tickets(slot)[2] = scribbled;
    try {
      of_rows.require_own(slot);
      ADD_FAILURE();
    } catch (const BoardCorrupted& e) {
      EXPECT_THAT(e.what(), HasSubstr("(slot 0, index or seed of its sample 2)"));
    }
  }
}

}  // namespace
}  // namespace millrace::tickets_test
