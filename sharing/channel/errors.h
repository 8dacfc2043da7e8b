#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

// Outcomes for which Python's multiprocessing has exceptions of its own, under the same names.
namespace millrace::multiprocessing {

/// put() found no place in the queue within its timeout.
class Full : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// get() found no message in the queue within its timeout.
class Empty : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The other end of a connection is closed everywhere, and all that it sent has been read (Python's EOFError).
class EndOfFile : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Something that was waited for did not come within the timeout.
class TimeoutError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The other side of a connection does not have the key that this one has, or speaks another protocol.
class AuthenticationError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A message is larger than the memory it was to be read into. Carries the message, which is no longer in the channel.
class BufferTooShort : public std::runtime_error {
 public:
  BufferTooShort(const std::string& what, std::vector<std::byte> message)
      : std::runtime_error(what), message_(std::move(message)) {}

  const std::vector<std::byte>& message() const { return message_; }

 private:
  std::vector<std::byte> message_;
};

}  // namespace millrace::multiprocessing
