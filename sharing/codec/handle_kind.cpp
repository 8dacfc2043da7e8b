#include "millrace/sharing/codec/handle_kind.h"

#include <cstdint>
#include <string>

#include "millrace/sharing/os/printable.h"

namespace millrace::detail {
namespace {

constexpr uint32_t kMagic = 0x4d52484b;  // "MRHK"

[[noreturn]] void throw_wrong_kind(const std::string& came, std::string_view expected) {
  throw DecodeError("a message holds " + came + " where " + std::string(expected) +
                    " was to be read: sender and receiver disagree on its type");
}

}  // namespace

void save_kind(EncodeArchive& archive, std::string_view kind) {
  archive(kMagic, static_cast<uint32_t>(kind.size()));
  archive.write(kind.data(), kind.size());
}

void load_kind(DecodeArchive& archive, std::string_view kind) {
  constexpr const char* kNoHandle = "something else";
  uint32_t magic = 0;
  uint32_t size = 0;
  if (archive.remaining() < sizeof magic + sizeof size) throw_wrong_kind(kNoHandle, kind);
  archive(magic, size);
  if (magic != kMagic || size > archive.remaining()) throw_wrong_kind(kNoHandle, kind);
  std::string came(size, '\0');
  archive.read(came.data(), size);
  if (came != kind) throw_wrong_kind(printable(came), kind);
}

}  // namespace millrace::detail
