#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace millrace {

/// A function as it crosses to another process: the build-id of the module it is in, and its offset there. No
/// registration is needed, and a module that was rebuilt in between is refused instead of called at a wrong address.
struct FunctionRef {
  std::string build_id;  ///< Raw bytes of the GNU build-id note.
  uint64_t offset = 0;   ///< The function's offset from the module's load address.
  std::string module;    ///< Absolute path of the module; empty for the program itself.

  template <class Archive>
  void serialize(Archive& archive) {
    archive(build_id, offset, module);
  }
};

/// The function cannot be named, or is not in this process.
class FunctionError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Names the function at `code`, which is in this program or in a shared library it has loaded. Throws FunctionError
/// for a module without a build-id (link it with -Wl,--build-id).
FunctionRef identify_function(const void* code);

/// Notes the modules that are loaded now, before a fork: the child then resolves their functions without a lock of the
/// loader's.
void note_loaded_modules();

/// The function's address in this process; loads its library when it is not loaded here yet, if the file at that
/// absolute path has that build-id. Throws FunctionError, naming the module, when there is none with that build-id.
void* resolve_function(const FunctionRef& ref);

template <class Result, class... Arguments>
FunctionRef identify(Result (*function)(Arguments...)) {
  return identify_function(reinterpret_cast<const void*>(function));
}

/// A function of type Function. REQUIRES: `ref` was made by identify() from a function of this very type.
template <class Function>
Function* resolve(const FunctionRef& ref) {
  return reinterpret_cast<Function*>(resolve_function(ref));
}

}  // namespace millrace
