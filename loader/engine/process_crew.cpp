#include "millrace/loader/engine/process_crew.h"

#include <ATen/Parallel.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "millrace/sharing/codec/function_ref.h"
#include "millrace/sharing/os/limits.h"
#include "millrace/sharing/os/poll.h"
#include "millrace/sharing/process/type_name.h"

namespace millrace {
namespace {

constexpr auto kStopGrace = std::chrono::seconds(2);
constexpr auto kExitGrace = std::chrono::seconds(5);

std::string worker_name(size_t worker) { return "worker " + std::to_string(worker); }

// What a worker process needs to know, next to its dataset. Descriptors travel inside.
struct WorkerSetup {
  int32_t number = 0;
  uint32_t incarnation = 0;
  Board::Geometry geometry;
  uint64_t batch_size = 0;
  SampleSpec spec;
  uint64_t live_source = 0;  // Address of the inherited Source; 0 when `rebuild` makes one.
  FunctionRef rebuild;
  SeedMode seed_mode = SeedMode::kPerSample;
  std::optional<FunctionRef> init;
  std::optional<cuda::DeviceArena::Shape> device_arena;  // Its descriptor comes behind the others.

  template <class Archive>
  void serialize(Archive& archive) {
    archive(number, incarnation, geometry, batch_size, spec, live_source, rebuild, seed_mode, init, device_arena);
  }
};

struct WorkerDescriptors {
  OwnedFd control;
  OwnedFd board;
  OwnedFd arena;
  OwnedFd done;
};

// One thread a worker: the trainer decides how many workers there are, and libgomp's threads do not survive a fork.
void use_one_thread() { at::set_num_threads(1); }

// Why a worker that is gone could not start; empty when it did not say.
std::string last_words(const FdSocket& control) {
  if (!poll_readable(control.fd(), std::chrono::nanoseconds(0))) return {};
  try {
    const auto words = control.receive();
    if (!words) return {};
    return {reinterpret_cast<const char*>(words->bytes.data()), words->bytes.size()};
  } catch (const DecodeError& e) {
    return e.what();  // It wrote something else there, and then its death is what has to be told.
  }
}

std::unique_ptr<Source> rebuild_source(const WorkerSetup& setup, DecodeArchive& archive) {
  return resolve<TravellingDataset::Rebuild>(setup.rebuild)(archive);
}

// The worker process. Its own end is the only way out that is not reported: everything else is an exception that
// reaches the trainer through the control socket or the board.
int worker_main(std::span<const std::byte> arguments, std::vector<OwnedFd> fds) {
  const pid_t parent = ::getppid();
  use_one_thread();
  DecodeArchive archive(arguments, fds);
  WorkerSetup setup;
  WorkerDescriptors own;
  archive(setup, own.control, own.board, own.arena, own.done);
  const FdSocket control(std::move(own.control));
  const MappedSegment board_memory(SharedSegment::adopt(std::move(own.board)), Access::kReadWrite);
  const MappedSegment arena(SharedSegment::adopt(std::move(own.arena)), Access::kReadWrite);
  const EventFd done(std::move(own.done));
  std::optional<cuda::DeviceArena> device_arena;
  if (setup.device_arena) {
    OwnedFd fd;
    archive(fd);
    device_arena.emplace(*setup.device_arena, std::move(fd));
  }
  const WorkerBoard board(board_memory.data(), setup.geometry);
  const SlotLayout layout = layout_of(setup.spec, setup.batch_size);

  WorkerRole role{setup.number,    setup.incarnation, static_cast<int>(setup.geometry.workers),
                  setup.seed_mode, nullptr,           true};
  std::unique_ptr<Source> rebuilt;
  try {
    if (setup.init) role.init = resolve<std::remove_pointer_t<WorkerInitFunction>>(*setup.init);
    if (setup.live_source == 0) rebuilt = rebuild_source(setup, archive);
  } catch (const std::exception& e) {
    const std::string text = type_name(typeid(e)) + ": " + text_with_limit(e);
    control.send(std::as_bytes(std::span(text)));
    return 1;
  }
  // The trainer has given this worker up: the fork server was stopped, and made it when nobody waited for it any more.
  if (poll_readable(control.fd(), std::chrono::nanoseconds(0))) return 0;
  if (rebuilt) rebuilt->set_spec(setup.spec);
  Source& source = rebuilt ? *rebuilt : *reinterpret_cast<Source*>(setup.live_source);
  Worker worker({board, arena.data(), device_arena ? &*device_arena : nullptr, layout, done, &control}, source, role);
  done.signal();  // Ready: somebody may be in wait_ready().
  worker.run([parent] { return ::getppid() != parent; });
  return 0;
}

}  // namespace

ProcessCrew::ProcessCrew(Plan plan, EpollEvents& events)
    : plan_(std::move(plan)), events_(events), members_(static_cast<size_t>(plan_.role.num_workers)) {
  try {
    for (size_t w = 0; w < members_.size(); ++w) start(w);
  } catch (...) {
    end();
    throw;
  }
}

void ProcessCrew::start(size_t worker) {
  Member& member = members_[worker];
  member.incarnation = ++last_incarnation_;
  if (last_incarnation_ == RangeWord::kMaxIncarnation)
    throw std::runtime_error("this loader has started 16 million workers; make a new one");
  auto [ours, theirs] = FdSocket::pair();
  Beacon& beacon = plan_.board.beacon(worker);
  beacon.phase.store(WorkerPhase::kStarting);
  beacon.incarnation.store(member.incarnation);

  WorkerSetup setup;
  setup.number = static_cast<int32_t>(worker);
  setup.incarnation = member.incarnation;
  setup.geometry = plan_.board.geometry();
  setup.batch_size = plan_.layout.batch_size();
  setup.spec = plan_.spec;
  setup.seed_mode = plan_.role.seed_mode;
  if (plan_.role.init != nullptr) setup.init = identify(plan_.role.init);
  if (plan_.method == StartMethod::kFork)
    setup.live_source = reinterpret_cast<uint64_t>(plan_.live);
  else
    setup.rebuild = plan_.travelling->rebuild;
  if (plan_.device_arena) setup.device_arena = plan_.device_arena->shape();
  EncodeArchive archive;
  archive(setup);
  for (const int fd : {theirs.fd(), plan_.board_segment.fd(), plan_.arena.segment().fd(), plan_.done.fd()})
    archive.attach(fd);
  if (plan_.device_arena) archive.attach(plan_.device_arena->fd());
  Encoded message = archive.take();
  auto fds = message.fd_numbers();
  if (plan_.method != StartMethod::kFork) {
    const Encoded& dataset = plan_.travelling->content;
    message.bytes.insert(message.bytes.end(), dataset.bytes.begin(), dataset.bytes.end());
    for (const auto& fd : dataset.fds) fds.push_back(fd.get());
  }
  member.child = start_child(plan_.method, {&worker_main, std::move(message.bytes), fds, worker_name(worker)});
  member.control = std::move(ours);
  events_.watch(worker, member.child.pidfd().fd());
}

std::optional<ProcessCrew::Death> ProcessCrew::bury(size_t worker) {
  Member& member = members_[worker];
  const auto status = member.child.wait(std::chrono::nanoseconds(0));
  if (!status) return std::nullopt;
  events_.forget(member.child.pidfd().fd());
  Death death{worker, member.incarnation, member.child.pid(), *status, is_ready(worker), {}};
  // The worker is gone, so what it wanted to say is there already or never will be.
  if (!death.was_ready && death.status.code() == 1) death.start_error = last_words(member.control);
  return death;
}

bool ProcessCrew::is_its(const Beacon& beacon, size_t worker) const {
  return beacon.incarnation.load(std::memory_order_relaxed) == members_[worker].incarnation;
}

bool ProcessCrew::is_ready(size_t worker) const {
  const Beacon& beacon = plan_.board.beacon(worker);
  return beacon.phase.load(std::memory_order_acquire) != WorkerPhase::kStarting && is_its(beacon, worker);
}

bool ProcessCrew::kill(size_t worker) {
  members_[worker].child.kill(SIGKILL);
  return true;
}

int ProcessCrew::number_of(uint32_t incarnation) const {
  if (incarnation == 0) return -1;
  const auto living = find(incarnation);
  return static_cast<int>(living ? *living : (incarnation - 1) % members_.size());
}

bool ProcessCrew::all_ready() const {
  for (size_t w = 0; w < members_.size(); ++w)
    if (!is_ready(w)) return false;
  return true;
}

std::optional<size_t> ProcessCrew::find(uint32_t incarnation) const {
  for (size_t w = 0; w < members_.size(); ++w)
    if (members_[w].incarnation == incarnation) return w;
  return std::nullopt;
}

ProcessCrew::~ProcessCrew() { end(); }

void ProcessCrew::end() {
  plan_.board.stop();
  const auto deadline = std::chrono::steady_clock::now() + kStopGrace;
  for (auto& member : members_) {
    if (!member.child) continue;
    const auto left = std::max<std::chrono::nanoseconds>(deadline - std::chrono::steady_clock::now(), {});
    if (member.child.wait(left)) continue;
    member.child.kill(SIGKILL);
    // Bounded even so: a process in an uninterruptible system call does not die. It holds no lock of ours.
    member.child.wait(kExitGrace);
  }
}

}  // namespace millrace
