#include "millrace/sharing/codec/function_ref.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "millrace/sharing/os/fork_handlers.h"
#include "millrace/sharing/os/owned_fd.h"
#include "millrace/sharing/os/printable.h"

namespace millrace {
namespace {

constexpr uint64_t kMostNotes = 1 << 20;  // Bytes of one segment; they are some hundred.

struct Module {
  uint64_t base = 0;
  std::string build_id;
  std::string path;
  uint64_t inside = 0;  // An address that is the module's own while it is loaded.
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

// The ELF program headers of a module, at `base`.
using Headers = std::span<const ElfW(Phdr)>;

bool contains(uint64_t base, Headers headers, uint64_t address) {
  return std::any_of(headers.begin(), headers.end(), [&](const auto& segment) {
    const uint64_t start = base + segment.p_vaddr;
    return segment.p_type == PT_LOAD && address >= start && address < start + segment.p_memsz;
  });
}

Module describe(uint64_t base, Headers headers, const char* path) {
  Module module{base, {}, path};
  for (const auto& segment : headers) {
    if (segment.p_type == PT_LOAD && segment.p_memsz > 0) module.inside = base + segment.p_vaddr;
    if (segment.p_type != PT_NOTE || !module.build_id.empty()) continue;
    // The loader has mapped the notes at this address; ELF gives it as a number.
    const auto* notes = reinterpret_cast<const char*>(base + segment.p_vaddr);
    module.build_id = build_id_in({notes, segment.p_memsz});
  }
  return module;
}

// The module that has `address` in one of its segments. Waits for no lock, so a forked child may ask whatever the other
// threads of its parent were doing.
std::optional<Module> module_around(uint64_t address) {
  dl_find_object found{};
  if (::_dl_find_object(reinterpret_cast<void*>(address), &found) != 0) return std::nullopt;
  const auto* const start = static_cast<const std::byte*>(found.dlfo_map_start);
  const auto& header = *reinterpret_cast<const ElfW(Ehdr)*>(start);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return std::nullopt;
  const Headers headers(reinterpret_cast<const ElfW(Phdr)*>(start + header.e_phoff), header.e_phnum);
  const uint64_t base = found.dlfo_link_map->l_addr;
  if (!contains(base, headers, address)) return std::nullopt;
  return describe(base, headers, found.dlfo_link_map->l_name);
}

// The modules that were loaded when somebody looked last. A forked child finds its functions here: the loader's own
// list has a lock, which a thread of the parent may have held, and which is then never let go.
class Modules {
 public:
  static Modules& instance() {
    static auto* const modules = new Modules;
    return *modules;
  }

  std::optional<Module> find(const std::string& build_id) {
    const std::lock_guard lock(mutex_);
    const auto known =
        std::find_if(list_.begin(), list_.end(), [&](const Module& m) { return m.build_id == build_id; });
    if (known == list_.end()) return std::nullopt;
    // The module may have been unloaded since, and another one may lie there.
    const auto now = module_around(known->inside);
    return now && now->base == known->base && now->build_id == build_id ? now : std::nullopt;
  }

  void look() {
    List list;
    ::dl_iterate_phdr(
        [](dl_phdr_info* info, size_t, void* data) {
          const Headers headers(info->dlpi_phdr, info->dlpi_phnum);
          auto module = describe(info->dlpi_addr, headers, info->dlpi_name);
          // Modules without a build-id are not all the same module.
          if (!module.build_id.empty()) static_cast<List*>(data)->push_back(std::move(module));
          return 0;
        },
        &list);
    const std::lock_guard lock(mutex_);
    list_ = std::move(list);
  }

 private:
  using List = std::vector<Module>;

  Modules() {
    at_fork(ForkRank::kModules,
            {[] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); }, [] { instance().mutex_.unlock(); }});
  }

  std::mutex mutex_;
  List list_;
};
[[maybe_unused]] const Modules& kModulesAtLoad = Modules::instance();

std::optional<Module> find_by_build_id(const std::string& build_id) {
  if (build_id.empty()) return std::nullopt;
  auto& modules = Modules::instance();
  if (auto known = modules.find(build_id)) return known;
  modules.look();
  return modules.find(build_id);
}

// The build-id in a module's file; "" where there is none, or no such file.
std::string build_id_of_file(const std::string& path) {
  // O_NONBLOCK, since opening a file that is not regular may wait for its other end.
  const OwnedFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  const auto size = static_cast<uint64_t>(status.st_size);
  const auto read = [&](void* to, uint64_t at, uint64_t bytes) {
    return at <= size && bytes <= size - at &&
           ::pread(file.get(), to, bytes, static_cast<off_t>(at)) == static_cast<ssize_t>(bytes);
  };
  ElfW(Ehdr) header{};
  if (!read(&header, 0, sizeof header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return {};
  for (uint64_t i = 0; i < header.e_phnum; ++i) {
    ElfW(Phdr) segment{};
    if (!read(&segment, header.e_phoff + i * sizeof segment, sizeof segment)) return {};
    if (segment.p_type != PT_NOTE || segment.p_filesz > kMostNotes) continue;
    std::string notes(segment.p_filesz, '\0');
    if (!read(notes.data(), segment.p_offset, notes.size())) return {};
    if (auto id = build_id_in(notes); !id.empty()) return id;
  }
  return {};
}

// Loading a library runs its code: only the very one that was meant, by its build-id, and not one that happens to lie
// where the loader looks for a name.
bool load(const FunctionRef& ref) {
  return ref.module.starts_with('/') && build_id_of_file(ref.module) == ref.build_id &&
         ::dlopen(ref.module.c_str(), RTLD_NOW | RTLD_GLOBAL) != nullptr;
}

std::string name_of(const std::string& path) { return path.empty() ? "the program" : "'" + printable(path) + "'"; }

}  // namespace

void note_loaded_modules() { Modules::instance().look(); }

FunctionRef identify_function(const void* code) {
  const auto address = reinterpret_cast<uint64_t>(code);
  const auto module = module_around(address);
  if (!module) throw FunctionError("a function to run in another process is in no module of this program");
  if (module->build_id.empty())
    throw FunctionError(name_of(module->path) +
                        " has no build-id, so its functions cannot be named to another process: link it with "
                        "-Wl,--build-id");
  // The loader's name of a library is what dlopen() was given, and another process may stand in another folder.
  const std::string path = module->path.empty() ? "" : std::filesystem::absolute(module->path).string();
  return {module->build_id, address - module->base, path};
}

void* resolve_function(const FunctionRef& ref) {
  auto module = find_by_build_id(ref.build_id);
  // A library that was loaded after the fork server had started. It stays loaded, since its code is about to run.
  if (!module && !ref.build_id.empty() && load(ref)) module = find_by_build_id(ref.build_id);
  if (!module)
    throw FunctionError("a function of " + name_of(ref.module) +
                        " was asked for, but this process has no module with that build-id: it was rebuilt, or is "
                        "not the same file here");
  const uint64_t address = module->base + ref.offset;
  const auto around = module_around(address);
  if (!around || around->base != module->base)
    throw FunctionError("a function of " + name_of(ref.module) + " was asked for at an offset that lies outside of it");
  return reinterpret_cast<void*>(address);
}

}  // namespace millrace
