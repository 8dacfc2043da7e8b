#pragma once

#include <string>

namespace millrace {

/// An exception in words, so that it can be told to another process: types are never rebuilt there.
struct ExceptionReport {
  std::string type;
  std::string what;       ///< What the exception says; empty when it is no std::exception.
  std::string backtrace;  ///< A line for each function, the one that threw first; empty where none was recorded.

  /// Type and text in one line: "std::out_of_range: sample 7 of 5".
  std::string headline() const;

  /// The headline, and the backtrace below it.
  std::string str() const;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(type, what, backtrace);
  }
};

/// A function's name as one would write it; "a function" when its module was stripped of names.
std::string function_name(const void* code);

/// Has every throw of this thread noted from now on, as by the time an exception is caught, the stack that led to it is
/// gone. Backtraces will end at the caller of this function. It costs some microseconds a throw, and is off at first.
///
/// The notes are taken by a __cxa_throw of ours that stands before the C++ library's. Ours is weak: a program with its
/// own, or one that links the C++ library statically, keeps that one and gets no backtraces.
void record_throws();

/// Puts the exception being handled into words. REQUIRES: inside a catch block.
ExceptionReport report_current_exception();

/// Writes a report of the exception being handled to stderr, in the name of a process. REQUIRES: inside a catch block.
void print_current_exception(const std::string& process);

}  // namespace millrace
