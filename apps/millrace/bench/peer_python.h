#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "millrace/apps/millrace/bench/measurement.h"
#include "millrace/configs/node.h"

namespace millrace::apps {

/// What PyTorch's DataLoader with torchvision made of the same configuration.
struct Peer {
  std::string versions;       ///< Of Python, torch and torchvision.
  std::vector<double> rates;  ///< Of its windows, in samples a second.
  double first_batch_s = 0;   ///< From the making of its iterator.
  int64_t bytes_per_batch = 0;
};

/// The settings that the peer is told: those of an image_folder with torchvision's transforms. Throws ConfigError at
/// what it cannot mirror.
nlohmann::json mirrored(const configs::Node& run, const Plan& plan);

/// Runs it by the Python of the environment variable MILLRACE_PYTHON, else python3. Throws std::runtime_error where
/// that has no torch and torchvision, or fails, or takes ten times as long as it was to.
Peer run_peer(const nlohmann::json& settings, const Plan& plan);

/// "PyTorch's DataLoader: ..., Millrace is 2.3 times as fast.", with the versions.
std::string sentence_of(const Peer& peer, const Measurement& ours);

nlohmann::json json_of(const Peer& peer, const Measurement& ours);

}  // namespace millrace::apps
