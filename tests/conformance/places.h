#pragma once

#include <ATen/core/Formatting.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "millrace/loader/data_loader.h"

namespace millrace::testing {

/// Where samples are read, and in which order batches come: what the conformance suite runs over.
struct Place {
  const char* name = "";
  int64_t workers = 0;
  WorkerMode worker_mode = WorkerMode::kProcess;
  StartMethod start_method = StartMethod::kForkServer;
  bool in_order = true;

  DataLoaderOptions options(int64_t batch_size) const {
    return DataLoaderOptions(batch_size)
        .num_workers(workers)
        .worker_mode(worker_mode)
        .start_method(start_method)
        .in_order(in_order)
        .check_copies(1);
  }

  /// A sample that kills costs a worker, not the test.
  bool survives_deaths() const { return workers > 0 && worker_mode == WorkerMode::kProcess; }
};

inline std::vector<Place> all_places() {
  std::vector<Place> places;
  for (const bool in_order : {true, false}) {
    places.push_back({"Inline", 0, WorkerMode::kProcess, StartMethod::kForkServer, in_order});
    places.push_back({"Threads", 2, WorkerMode::kThread, StartMethod::kForkServer, in_order});
    places.push_back({"Fork", 2, WorkerMode::kProcess, StartMethod::kFork, in_order});
    places.push_back({"ForkServer", 2, WorkerMode::kProcess, StartMethod::kForkServer, in_order});
    places.push_back({"Spawn", 2, WorkerMode::kProcess, StartMethod::kSpawn, in_order});
  }
  return places;
}

/// Of processes that start the program anew, which takes a second a loader, only those in order.
inline std::vector<Place> quick_places() {
  std::vector<Place> places = all_places();
  std::erase_if(places,
                [](const Place& place) { return place.start_method == StartMethod::kSpawn && !place.in_order; });
  return places;
}

/// None of those.
inline std::vector<Place> quickest_places() {
  std::vector<Place> places = all_places();
  std::erase_if(places, [](const Place& place) { return place.start_method == StartMethod::kSpawn; });
  return places;
}

inline std::string place_name(const ::testing::TestParamInfo<Place>& info) {
  return std::string(info.param.name) + (info.param.in_order ? "InOrder" : "AsCompleted");
}

/// Every value of a batch of numbers, to compare.
inline std::string fingerprint(const Batch& batch) {
  std::ostringstream text;
  for (const auto& column : batch.columns()) text << column.name << " " << std::get<at::Tensor>(column.value) << "\n";
  return text.str();
}

}  // namespace millrace::testing
