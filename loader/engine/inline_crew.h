#pragma once

#include <utility>

#include "millrace/loader/engine/crew.h"
#include "millrace/loader/engine/worker.h"

namespace millrace {

/// A crew of the trainer itself, which reads inside next(), by the code of the workers.
class InlineCrew final : public Crew {
 public:
  /// Borrows the source and all that is in `place`, but for its spill.
  InlineCrew(const Worker::Place& place, Source& source, const WorkerRole& role)
      : overflow_(FdSocket::pair()), worker_(with_overflow(place, overflow_.second), source, role) {}

  size_t size() const override { return 1; }
  bool fill_one() override { return worker_.fill_one(); }
  const FdSocket& overflow(size_t) const override { return overflow_.first; }
  bool has(uint32_t incarnation) const override { return incarnation == 0; }
  int number_of(uint32_t) const override { return -1; }

 private:
  static Worker::Place with_overflow(Worker::Place place, const FdSocket& theirs) {
    place.spill = &theirs;
    return place;
  }

  std::pair<FdSocket, FdSocket> overflow_;  // The trainer's end, the worker's end.
  Worker worker_;
};

}  // namespace millrace
