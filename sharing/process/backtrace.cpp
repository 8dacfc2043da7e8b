#include "millrace/sharing/process/backtrace.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <memory>
#include <span>
#include <typeinfo>

#include "millrace/sharing/os/limits.h"
#include "millrace/sharing/os/owned_fd.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/process/type_name.h"

namespace millrace {
namespace {

constexpr size_t kMaxFrames = 128;

using Frames = std::array<void*, kMaxFrames>;

// Inlined, as note_throw() is, so that neither is a frame of its own.
[[gnu::always_inline]] inline size_t capture(Frames& frames) {
  return static_cast<size_t>(std::max(0, ::backtrace(frames.data(), static_cast<int>(frames.size()))));
}

// The last throw on this thread.
struct ThrowRecord {
  bool wanted = false;
  size_t outer_frames = 0;  // Below the function that asked for records: of no interest.
  const void* thrown = nullptr;
  size_t count = 0;
  Frames frames{};
};
thread_local ThrowRecord t_record;

// A module's file, mapped to look up names. backtrace_symbols() knows exported functions only, which those of a program
// and its lambdas are not; the full symbol table has them, unless the file was stripped.
class ModuleFile {
 public:
  explicit ModuleFile(const char* path) {
    const OwnedFd file(::open(path, O_RDONLY | O_CLOEXEC));
    struct stat status{};
    if (!file || ::fstat(file.get(), &status) != 0 || status.st_size <= 0) return;
    const auto size = static_cast<size_t>(status.st_size);
    void* start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (start != MAP_FAILED) bytes_ = {static_cast<const std::byte*>(start), size};
  }
  ~ModuleFile() {
    if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  }
  ModuleFile(const ModuleFile&) = delete;
  ModuleFile& operator=(const ModuleFile&) = delete;

  // The mangled name of the function at `offset`; empty when there is none.
  std::string function_at(uint64_t offset) const {
    const auto headers = table<ElfW(Ehdr)>(0, 1);
    if (headers.empty() || std::memcmp(headers[0].e_ident, ELFMAG, SELFMAG) != 0) return {};
    const auto sections = table<ElfW(Shdr)>(headers[0].e_shoff, headers[0].e_shnum);
    for (const auto wanted : {SHT_SYMTAB, SHT_DYNSYM})
      for (const auto& section : sections) {
        if (section.sh_type != static_cast<uint32_t>(wanted) || section.sh_link >= sections.size()) continue;
        const auto& names = sections[section.sh_link];
        const auto text = table<char>(names.sh_offset, names.sh_size);
        for (const auto& symbol : table<ElfW(Sym)>(section.sh_offset, section.sh_size / sizeof(ElfW(Sym)))) {
          if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_name >= text.size()) continue;
          if (offset < symbol.st_value || offset >= symbol.st_value + symbol.st_size) continue;
          const auto name = text.subspan(symbol.st_name);
          return {name.begin(), std::find(name.begin(), name.end(), '\0')};
        }
      }
    return {};
  }

 private:
  template <class T>
  std::span<const T> table(uint64_t at, uint64_t count) const {
    if (at > bytes_.size() || count > (bytes_.size() - at) / sizeof(T) || at % alignof(T) != 0) return {};
    return {reinterpret_cast<const T*>(bytes_.data() + at), count};
  }

  std::span<const std::byte> bytes_;
};

std::string demangle(const std::string& name) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> plain(abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status),
                                                          &std::free);
  return status == 0 ? plain.get() : name;
}

struct Frame {
  std::string function;  // The function as the linker knows it; empty where it is not known.
  std::string module;
  uint64_t offset = 0;

  // "decode(int) in /opt/app/train+0x12f0"; what follows " in " is the form that addr2line takes.
  std::string str() const {
    std::array<char, 32> position{};
    std::snprintf(position.data(), position.size(), "+%#llx", static_cast<unsigned long long>(offset));
    return name() + " in " + module + position.data();
  }

  std::string name() const { return function.empty() ? "a function" : demangle(function); }
};

Frame find_frame(const char* code) {
  Dl_info info{};
  link_map* map = nullptr;
  if (::dladdr1(code, &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) == 0 || map == nullptr)
    return {{}, "no module", 0};
  Frame frame{{}, map->l_name, static_cast<uint64_t>(code - static_cast<const char*>(info.dli_fbase))};
  // The program itself goes by no name here, and by whatever its starter chose in dli_fname.
  const std::string file = frame.module.empty() ? "/proc/self/exe" : frame.module;
  if (frame.module.empty()) frame.module = std::filesystem::read_symlink(file).string();
  frame.function = ModuleFile(file.c_str()).function_at(frame.offset);
  if (frame.function.empty() && info.dli_sname != nullptr) frame.function = info.dli_sname;
  return frame;
}

// The object that was given to __cxa_throw(): what a std::exception_ptr points to, in the C++ library we know.
const void* current_exception_object() {
  const auto pointer = std::current_exception();
  static_assert(sizeof pointer == sizeof(void*));
  const void* object = nullptr;
  std::memcpy(&object, &pointer, sizeof object);
  return object;
}

std::string describe_record(const ThrowRecord& record) {
  std::string text;
  const size_t count = record.count - std::min(record.count, record.outer_frames);
  for (size_t i = 0; i < count; ++i) {
    // The call stands before the address it returns to, which may be another function's first.
    const auto frame = find_frame(static_cast<const char*>(record.frames.at(i)) - 1);
    // The caller of a target (detail::Signature in call.h) and all below it is ours, and tells a user nothing.
    if (frame.function.find("8millrace6detail9SignatureI") != std::string::npos) break;
    text += "  #" + std::to_string(i) + " " + frame.str() + "\n";
  }
  return text;
}

}  // namespace

std::string ExceptionReport::headline() const {
  return what.empty() ? "an exception of type " + printable(type, 1000)
                      : printable(type, 1000) + ": " + printable_lines(what);
}

std::string function_name(const void* code) { return find_frame(static_cast<const char*>(code)).name(); }

std::string ExceptionReport::str() const { return headline() + "\n" + printable_lines(backtrace); }

void record_throws() {
  Frames frames;
  t_record.wanted = true;
  // This function's own frame is not the caller's.
  t_record.outer_frames = capture(frames) - 1;
}

ExceptionReport report_current_exception() {
  ExceptionReport report;
  report.type = current_exception_type();
  // Another exception, caught on the way, may have been thrown later than this one.
  if (current_exception_object() == t_record.thrown) report.backtrace = describe_record(t_record);
  try {
    throw;
  } catch (const std::exception& e) {
    report.what = text_with_limit(e);
  } catch (...) {
    report.what.clear();  // Only its type is known.
  }
  return report;
}

void print_current_exception(const std::string& process) {
  const auto report = report_current_exception();
  std::fprintf(stderr, "Process %s (pid %d): %s\n%s", process.c_str(), ::getpid(), report.headline().c_str(),
               report.backtrace.c_str());
}

namespace {

// Called for every throw of the program, so it does nothing that could throw.
[[gnu::always_inline]] inline void note_throw(const void* thrown) noexcept {
  auto& record = t_record;
  if (!record.wanted) return;
  record.thrown = thrown;
  record.count = capture(record.frames);
  if (record.count == 0) return;
  // The first frame is left out: it is __cxa_throw itself.
  std::move(record.frames.begin() + 1, record.frames.begin() + static_cast<std::ptrdiff_t>(record.count),
            record.frames.begin());
  --record.count;
}

using Throw = void (*)(void*, void*, void (*)(void*));

// The C++ library's own. Looked up at load, and with it what backtrace() looks up at its first call: a child forked
// while another thread throws for the first time would wait for that thread for ever.
Throw throw_of_library() {
  static const auto found = reinterpret_cast<Throw>(::dlsym(RTLD_NEXT, "__cxa_throw"));
  return found;
}
[[maybe_unused]] const bool kLookedUpAtLoad = [] {
  Frames frames;
  return capture(frames) > 0 && throw_of_library() != nullptr;
}();

}  // namespace
}  // namespace millrace

// See record_throws(). Compilers disagree about the type of __cxa_throw, so only the linker knows this by that name.
extern "C" [[gnu::weak]] void millrace_throw(void* thrown, void* type,
                                             void (*destructor)(void*)) __asm__("__cxa_throw");

extern "C" void millrace_throw(void* thrown, void* type, void (*destructor)(void*)) {
  millrace::note_throw(thrown);
  millrace::throw_of_library()(thrown, type, destructor);
  __builtin_unreachable();
}
