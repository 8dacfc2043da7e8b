#pragma once

#include <utility>
#include <vector>

#include "millrace/sharing/process/process.h"
#include "millrace/sharing/process/start_method.h"

namespace millrace::multiprocessing {

class Pool;

/// What starts processes in one way, whatever the program's default is, so that a library need not set it. A value.
class Context {
 public:
  explicit Context(StartMethod method) : method_(method) {}

  StartMethod get_start_method() const { return method_; }

  template <class F, class... Arguments>
  multiprocessing::Process Process(F&& target, Arguments&&... arguments) const {
    return multiprocessing::Process(method_, std::forward<F>(target), std::forward<Arguments>(arguments)...);
  }

  /// As Pool's constructor. Include sharing/pool/pool.h to call it.
  template <class... Arguments>
  multiprocessing::Pool Pool(Arguments&&... arguments) const;

 private:
  StartMethod method_;
};

/// Says how this program starts processes: once, before the first one. Throws std::logic_error when it has been said or
/// used already. A child starts its own children as its parent does.
void set_start_method(StartMethod method);

/// How this program starts processes: kForkServer unless set. From here on it cannot be set.
StartMethod get_start_method();

/// Every start method, the default first.
std::vector<StartMethod> get_all_start_methods();

inline Context get_context(StartMethod method) { return Context(method); }
inline Context get_context() { return Context(get_start_method()); }

}  // namespace millrace::multiprocessing
