#pragma once

namespace millrace::training {

/// Ctrl-C (SIGINT) and SIGTERM while it lives: the first one is a request, which training follows when its step is
/// done; a second one ends the process at once, as it would without this. One at a time.
class StopRequest {
 public:
  StopRequest();
  ~StopRequest();
  StopRequest(const StopRequest&) = delete;
  StopRequest& operator=(const StopRequest&) = delete;

  /// Whether there was one.
  bool is_made() const;
};

}  // namespace millrace::training
