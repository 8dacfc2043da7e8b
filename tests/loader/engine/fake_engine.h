#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "millrace/loader/engine/engine.h"
#include "millrace/loader/engine/setup.h"
#include "millrace/tests/loader/engine/fakes.h"

namespace millrace::engine_fakes {

/// A whole engine with a source of 20 samples, two workers and a clock that do what a test says.
struct FakeEngine {
  /// Makes it; of every sample the source says `name`.
  void make(const DataLoaderOptions& options, Source::Kind kind = Source::Kind::kRows, const std::string& name = {}) {
    auto source = std::make_unique<FakeSource>(kind, kind == Source::Kind::kStreams ? 0 : 20);
    source->name = name;
    auto own_shared = std::make_unique<SharedParts>(source->known_spec().value(), traits_of(*source), checked(options));
    auto order = make_order(*source, {}, {}, options);
    auto own_events = std::make_unique<FakeEvents>();
    auto own_crew = std::make_unique<FakeCrew>(2);
    shared = own_shared.get();
    events = own_events.get();
    crew = own_crew.get();
    engine.emplace(Engine::Parts{std::move(source), std::move(order), std::move(own_shared), std::move(own_events),
                                 std::move(own_crew)},
                   options);
  }

  std::optional<Claim> claim(size_t worker) const {
    return shared->workers_board.claim(crew->incarnations[worker], static_cast<uint32_t>(worker));
  }

  SharedParts* shared = nullptr;  ///< Of the engine.
  FakeEvents* events = nullptr;   ///< Of the engine.
  FakeCrew* crew = nullptr;       ///< Of the engine.
  std::optional<Engine> engine;
};

}  // namespace millrace::engine_fakes
