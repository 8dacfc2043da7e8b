#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millrace/sharing/channel/connection.h"
#include "millrace/sharing/channel/pipe.h"
#include "millrace/sharing/cuda/driver.h"
#include "millrace/sharing/process/process.h"

/// What the programs of tests/gpu have in common: they ask a real driver what its documents leave open, and measure.
/// Every section runs in a process of its own, and its roles in children that inherit nothing of CUDA.
namespace gpu_check {

namespace api = millrace::cuda::api;
namespace mp = millrace::multiprocessing;

using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point start);

/// A row of the table, on stdout.
void row(const std::string& question, const std::string& answer);

/// printf to a string.
std::string text(const char* format, ...) __attribute__((format(printf, 1, 2)));

/// A section that cannot be run here. what() says why.
class Skipped : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Calls the driver where an error is an answer: "ok", or the error's name.
std::string name_of(api::Result result);

double median(std::vector<double> values);

/// Device memory of `words` words, freed with the object. A context of device 0 must be current.
class DeviceWords {
 public:
  explicit DeviceWords(size_t words);
  DeviceWords(const DeviceWords&) = delete;
  DeviceWords& operator=(const DeviceWords&) = delete;
  ~DeviceWords();

  api::DevicePtr address() const { return address_; }

 private:
  api::DevicePtr address_ = 0;
};

/// Word i becomes first + i.
void fill(api::DevicePtr address, size_t words, uint32_t first);

/// "all bytes intact", how many words differ from what fill() wrote, or the error of reading them.
std::string verify(api::DevicePtr address, size_t words, uint32_t first);

/// A child that plays a role and talks through the connection. Killed with the object if it has not ended.
class Role {
 public:
  using Function = void (*)(mp::Connection&);

  explicit Role(Function function) : Role(function, mp::Pipe()) {}
  Role(const Role&) = delete;
  Role& operator=(const Role&) = delete;
  ~Role();

  /// What it says next. Throws when it says nothing for a minute.
  template <class T>
  T hear() {
    if (!connection_.poll(std::chrono::seconds(60))) throw std::runtime_error("a role has said nothing for a minute");
    return connection_.recv<T>();
  }

  template <class... T>
  void tell(const T&... values) {
    connection_.send(values...);
  }

  void kill();

  /// Waits for its end. Throws when it failed.
  void finish();

 private:
  Role(Function function, std::pair<mp::Connection, mp::Connection> ends);

  mp::Connection connection_;
  mp::Process process_;
};

}  // namespace gpu_check
