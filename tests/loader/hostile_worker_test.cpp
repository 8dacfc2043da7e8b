// Workers that write to the socket that the loader gave them, of which their datasets know nothing.
#include <ATen/ops/full.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "millrace/loader/data_loader.h"
#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/tests/loader/datasets_for_tests.h"

namespace millrace::hostile_worker_test {
namespace {

using testing::processes;

/// Ends the whole test when it takes too long: a hang is a failure.
class Watchdog {
 public:
  explicit Watchdog(unsigned seconds) { ::alarm(seconds); }
  ~Watchdog() { ::alarm(0); }
};

constexpr int64_t kLarge = 20'000;  // Elements; more than a slot holds, which is sized by what the first samples are.

enum class Deed : int { kNone, kGarbageAndDeath, kFlood };

// Ragged samples: those of `large` do not fit their slot, so their batches come by message. Sample `bad` does `deed`.
struct Messages {
  int64_t n = 0;
  int64_t first_large = 0;
  int64_t bad = -1;
  Deed deed = Deed::kNone;
  uint64_t begun = 0;  // Address of a counter that forked processes share, of the large samples that were asked for.

  size_t size() const { return static_cast<size_t>(n); }
  Sample get(size_t i) const {
    const auto number = static_cast<int64_t>(i);
    if (number == bad) misbehave();
    if (begun != 0 && number >= first_large) reinterpret_cast<std::atomic<int>*>(begun)->fetch_add(1);
    return {{"x", at::full({number < first_large ? 1 : kLarge}, number, at::kLong)}};
  }
  void misbehave() const {
    if (deed == Deed::kGarbageAndDeath) {
      send_to_every_socket(std::string(100, 'g'), MSG_DONTWAIT);
      ::raise(SIGKILL);
    }
    while (deed == Deed::kFlood) send_to_every_socket(message(), 0);
  }
  // A batch for slot 0 at a generation that never was, as loader/sources/fill_request.h has it in a frame of
  // fd_socket.h.
  static std::string message() {
    struct {
      uint32_t magic = detail::Frame::kMagic;
      uint32_t body = 0;
      uint64_t bytes = 64;
      uint64_t tag = 0;
      uint64_t offset = 0;
      uint64_t slot = 0;
      uint32_t generation = UINT32_MAX;
    } frame;
    std::string text(sizeof(detail::Frame) + frame.bytes, '\0');
    std::memcpy(text.data(), &frame, sizeof frame);
    return text;
  }
  static void send_to_every_socket(const std::string& text, int flags) {
    for (int fd = 3; fd < 100; ++fd) {
      int type = 0;
      socklen_t size = sizeof type;
      if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET)
        static_cast<void>(::send(fd, text.data(), text.size(), MSG_NOSIGNAL | flags));
    }
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(n, first_large, bad, deed, begun);
  }
};

DataLoaderOptions options(int64_t workers) {
  return processes(StartMethod::kForkServer, workers)
      .options(2)
      .max_sample_bytes(1000)
      .timeout(std::chrono::milliseconds(4000));
}

template <class Loader>
std::string end_of(Loader& loader) {
  try {
    while (loader.next()) continue;
  } catch (const BoardCorrupted& e) {
    return std::string("corrupted: ") + e.what();
  } catch (const std::exception& e) {
    return std::string("another error: ") + e.what();
  }
  return "no error";
}

TEST(GarbageOfADyingWorker, IsBoardCorruptedAndADeathThatWasNoticedWasReplacedBefore) {
  const Watchdog watchdog(30);
  auto loader = make_data_loader(Messages{20, 0, 7, Deed::kGarbageAndDeath}, options(2), collate::Ragged{});
  const auto workers = loader->worker_pids();
  const std::string end = end_of(*loader);
  EXPECT_EQ(end.find("corrupted: worker "), 0U) << end;
  EXPECT_NE(end.find("no Millrace message"), std::string::npos) << end;
  // Whose garbage was found before its death was noticed is in its place still.
  if (loader->stats().worker_deaths > 0) {
    EXPECT_NE(loader->worker_pids(), workers)
        << "nobody is in the dead worker's place";  // Who is there now may have died as well.
  }
  EXPECT_EQ(end_of(*loader), end) << "it is said again, and not by waiting for the worker";
}

TEST(AWorkerThatSendsWithoutEnd, IsBoardCorrupted) {
  const Watchdog watchdog(30);
  auto loader = make_data_loader(Messages{20, 0, 7, Deed::kFlood}, options(2), collate::Ragged{});
  const std::string end = end_of(*loader);
  EXPECT_EQ(end.find("corrupted: worker "), 0U) << end;
  EXPECT_NE(end.find("more batches than it was asked for"), std::string::npos) << end;
}

// Each epoch is left at its first batch, which fits its slot, while the worker makes one that comes by message and that
// nobody asks for.
TEST(BatchesByMessageOfEpochsThatWereLeft, HoldNoWorkerUp) {
  const Watchdog watchdog(120);
  void* const shared = ::mmap(nullptr, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  auto& begun = *new (shared) std::atomic<int>(0);
  Messages messages{20, 2};
  messages.begun = reinterpret_cast<uint64_t>(shared);
  {
    auto loader = make_data_loader(messages, options(1).start_method(StartMethod::kFork), collate::Ragged{});
    for (int64_t epoch = 0; epoch < 1000; ++epoch) {
      loader->set_epoch(epoch);
      const int before = begun;
      const auto batch = loader->next();
      ASSERT_TRUE(batch.has_value());
      ASSERT_EQ(batch->indices(), (std::vector<int64_t>{0, 1}));
      while (begun == before) std::this_thread::yield();
    }
  }
  ::munmap(shared, sizeof(int));
}

}  // namespace
}  // namespace millrace::hostile_worker_test
