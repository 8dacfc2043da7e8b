#include "millrace/sharing/process/function_ref.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>

#include <cstring>
#include <functional>
#include <optional>
#include <string_view>

#include "millrace/sharing/os/printable.h"

namespace millrace {
namespace {

struct Module {
  uint64_t base = 0;
  std::string build_id;
  std::string path;
};

// The GNU build-id among the notes of one PT_NOTE segment, or "".
std::string build_id_in(std::string_view notes) {
  while (notes.size() >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) note;
    std::memcpy(&note, notes.data(), sizeof note);
    const auto padded = [](size_t n) { return (n + 3) & ~size_t{3}; };
    const size_t name_at = sizeof note;
    const size_t value_at = name_at + padded(note.n_namesz);
    const size_t end = value_at + padded(note.n_descsz);
    if (end > notes.size()) break;
    if (note.n_type == NT_GNU_BUILD_ID && notes.substr(name_at, 4) == std::string_view("GNU\0", 4))
      return std::string(notes.substr(value_at, note.n_descsz));
    notes.remove_prefix(end);
  }
  return {};
}

bool contains(const dl_phdr_info& info, uint64_t address) {
  for (int i = 0; i < info.dlpi_phnum; ++i) {
    const auto& segment = info.dlpi_phdr[i];
    const uint64_t start = info.dlpi_addr + segment.p_vaddr;
    if (segment.p_type == PT_LOAD && address >= start && address < start + segment.p_memsz) return true;
  }
  return false;
}

Module describe(const dl_phdr_info& info) {
  Module module{info.dlpi_addr, {}, info.dlpi_name};
  for (int i = 0; i < info.dlpi_phnum && module.build_id.empty(); ++i) {
    const auto& segment = info.dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    // The loader has mapped the notes at this address; ELF gives it as a number.
    const auto* notes = reinterpret_cast<const char*>(info.dlpi_addr + segment.p_vaddr);
    module.build_id = build_id_in({notes, segment.p_memsz});
  }
  return module;
}

using Predicate = std::function<bool(const dl_phdr_info&)>;

std::optional<Module> find_module(const Predicate& wanted) {
  struct Search {
    const Predicate& wanted;
    std::optional<Module> found;
  } search{wanted, {}};
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* data) {
        auto& s = *static_cast<Search*>(data);
        if (!s.wanted(*info)) return 0;
        s.found = describe(*info);
        return 1;
      },
      &search);
  return search.found;
}

std::optional<Module> find_by_build_id(const std::string& build_id) {
  if (build_id.empty()) return std::nullopt;  // Modules without one are not all the same module.
  return find_module([&](const dl_phdr_info& info) { return describe(info).build_id == build_id; });
}

std::string name_of(const std::string& path) { return path.empty() ? "the program" : "'" + printable(path) + "'"; }

}  // namespace

FunctionRef identify_function(const void* code) {
  const auto address = reinterpret_cast<uint64_t>(code);
  const auto module = find_module([&](const dl_phdr_info& info) { return contains(info, address); });
  if (!module) throw FunctionError("a function to run in another process is in no module of this program");
  if (module->build_id.empty())
    throw FunctionError(name_of(module->path) +
                        " has no build-id, so its functions cannot be named to another process: link it with "
                        "-Wl,--build-id");
  return {module->build_id, address - module->base, module->path};
}

void* resolve_function(const FunctionRef& ref) {
  auto module = find_by_build_id(ref.build_id);
  // A library that was loaded after the fork server had started. It stays loaded, since its code is about to run.
  if (!module && !ref.module.empty() && ::dlopen(ref.module.c_str(), RTLD_NOW | RTLD_GLOBAL) != nullptr)
    module = find_by_build_id(ref.build_id);
  if (!module)
    throw FunctionError("a function of " + name_of(ref.module) +
                        " was asked for, but this process has no module with that build-id: it was rebuilt, or is "
                        "not the same file here");
  const uint64_t address = module->base + ref.offset;
  if (!find_module([&](const dl_phdr_info& info) { return info.dlpi_addr == module->base && contains(info, address); }))
    throw FunctionError("a function of " + name_of(ref.module) + " was asked for at an offset that lies outside of it");
  return reinterpret_cast<void*>(address);
}

}  // namespace millrace
