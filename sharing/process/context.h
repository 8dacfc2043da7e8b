#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include "millrace/sharing/process/process.h"
#include "millrace/sharing/process/start_method.h"

namespace millrace::multiprocessing {

class Pool;

/// Starts processes by one method, whatever the program's default is, so that a library need not set the default. A
/// value.
class Context {
 public:
  explicit Context(StartMethod method) : method_(method) {}

  StartMethod get_start_method() const { return method_; }

  template <class F, class... Arguments>
    requires(!std::same_as<std::remove_cvref_t<F>, ProcessOptions>)
  multiprocessing::Process Process(F&& target, Arguments&&... arguments) const {
    return multiprocessing::Process(method_, std::forward<F>(target), std::forward<Arguments>(arguments)...);
  }

  template <class F, class... Arguments>
  multiprocessing::Process Process(ProcessOptions options, F&& target, Arguments&&... arguments) const {
    options.start_method = method_;
    return multiprocessing::Process(std::move(options), std::forward<F>(target), std::forward<Arguments>(arguments)...);
  }

  /// Makes a pool, with the arguments of Pool's constructor. Include sharing/pool/pool.h to call it.
  template <class... Arguments>
  multiprocessing::Pool Pool(Arguments&&... arguments) const;

 private:
  StartMethod method_;
};

inline Context get_context(StartMethod method) { return Context(method); }
inline Context get_context() { return Context(get_start_method()); }

}  // namespace millrace::multiprocessing
