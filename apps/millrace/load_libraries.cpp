#include "millrace/apps/millrace/load_libraries.h"

#include <dlfcn.h>

#include <filesystem>
#include <stdexcept>
#include <string>

#include "millrace/apps/millrace/library.h"
#include "millrace/configs/binder.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"

namespace millrace::apps {
namespace {

using SayHead = const LibraryHead*();

// Runs the library's own initialisation.
void* open_library(const configs::Node& node) {
  const auto path = std::filesystem::absolute(millrace::detail::user_path(configs::read<std::string>(node)));
  if (!std::filesystem::is_regular_file(path)) throw node.error("there is no file " + in_quotes(path.string()));
  // Functions of Millrace that both have are this program's, which shows its own (apps/CMakeLists.txt).
  void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    throw node.error("cannot be loaded: " + printable(::dlerror()) + "; this program was built with " + kBuiltWith);
  return library;
}

void load_library(const configs::Node& node, ProgramTypes& types) {
  void* const library = open_library(node);
  auto* const say_head = reinterpret_cast<SayHead*>(::dlsym(library, "millrace_library"));
  if (say_head == nullptr)
    throw node.error("is a library without types for Millrace; write MILLRACE_LIBRARY(add_types) in one of its files");
  const LibraryHead& head = *say_head();
  if (std::string(head.built_with) != kBuiltWith)
    throw node.error("was built with " + printable(head.built_with) + ", and this program with " + kBuiltWith +
                     "; build it again with these");
  configs::build_at<std::logic_error>(node, [&] { head.add_types(types); });
}

}  // namespace

void load_libraries(const configs::Node& run, ProgramTypes& types) {
  const auto libraries = run.find("libraries");
  if (!libraries || libraries->value().kind != configs::Value::Kind::kList) return;  // Which the table's check tells.
  configs::Problems problems;
  for (const configs::Node& library : libraries->elements()) problems.collect([&] { load_library(library, types); });
  problems.raise();
}

}  // namespace millrace::apps
