#pragma once

#include <cereal/cereal.hpp>
#include <cereal/types/array.hpp>
#include <cereal/types/chrono.hpp>
#include <cereal/types/deque.hpp>
#include <cereal/types/list.hpp>
#include <cereal/types/map.hpp>
#include <cereal/types/memory.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/set.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/tuple.hpp>
#include <cereal/types/unordered_map.hpp>
#include <cereal/types/unordered_set.hpp>
#include <cereal/types/utility.hpp>
#include <cereal/types/variant.hpp>
#include <cereal/types/vector.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <typeindex>
#include <typeinfo>
#include <vector>

#include "millrace/sharing/codec/members.h"
#include "millrace/sharing/os/owned_fd.h"

namespace millrace {

/// Bytes that cannot be decoded: cut short, or not what the reader expects.
class DecodeError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// An encoded value: its bytes, and the descriptors of what travels beside them (shared memory, files, sockets).
struct Encoded {
  std::vector<std::byte> bytes;
  std::vector<OwnedFd> fds;

  /// The descriptors' numbers, to send them.
  std::vector<int> fd_numbers() const;
};

class EncodeArchive;

namespace detail {

/// What types remember from one value of a message to the next: one object for each type of memory.
class MessageMemory {
 public:
  template <class State>
  State& get() {
    std::shared_ptr<void>& state = states_[typeid(State)];
    if (!state) state = std::make_shared<State>();
    return *static_cast<State*>(state.get());
  }

  void clear() { states_.clear(); }

 private:
  std::map<std::type_index, std::shared_ptr<void>> states_;
};

/// A hash of the kinds of a message's numbers, in their order. What one end writes as a double, the other must not read
/// as an integer of that size.
class NumberKinds {
 public:
  template <class T>
  void add() {
    hash_ = (hash_ ^ kKind<T>)*0x01000193;
  }

  uint32_t hash() const { return hash_; }

 private:
  template <class T>
  static consteval uint32_t kind_of() {
    if constexpr (std::is_enum_v<T>)
      return kind_of<std::underlying_type_t<T>>();
    else if constexpr (std::is_arithmetic_v<T>)
      return 8 * sizeof(T) + (std::is_same_v<T, bool>       ? 1
                              : std::is_floating_point_v<T> ? 2
                              : std::is_signed_v<T>         ? 3
                                                            : 4);
    else
      return 0;
  }
  template <class T>
  static constexpr uint32_t kKind = kind_of<std::remove_cv_t<T>>();

  uint32_t hash_ = 0x811c9dc5;
};

/// Compares the members that a `serialize` visits with the members that the type has. It is off until start().
class MemberAudit {
 public:
  void start() { visits_.assign(1, 0); }

  /// Begins a value that is written, and counts it as a visit of the value that holds it.
  void enter() {
    if (visits_.empty()) return;
    ++visits_.back();
    visits_.push_back(0);
  }

  template <class T>
  void leave() {
    if (visits_.empty()) return;
    const size_t visited = visits_.back();
    visits_.pop_back();
    if constexpr (std::is_aggregate_v<T> && cereal::traits::has_member_serialize<T, EncodeArchive>::value)
      if (visited < kMembers<T>) throw_forgotten(typeid(T), visited, kMembers<T>);
  }

 private:
  [[noreturn]] static void throw_forgotten(const std::type_info& type, size_t visited, size_t members);

  std::vector<size_t> visits_;  // Visits of each value that is being written, the outermost first.
};

}  // namespace detail

/// Writes values for another process on the same machine: cereal with native byte order, and descriptors out of band.
///
/// The archive knows the standard containers, optional, variant, tuples, smart pointers, durations, and every type with
/// a `serialize` member as cereal defines it. Tensors need sharing/tensor/tensor_codec.h. Not thread-safe.
class EncodeArchive : public cereal::OutputArchive<EncodeArchive, cereal::AllowEmptyClassElision> {
 public:
  EncodeArchive() : OutputArchive(this) { out_.bytes.reserve(kFirstBytes); }

  void write(const void* data, size_t size) {
    const auto* first = static_cast<const std::byte*>(data);
    out_.bytes.insert(out_.bytes.end(), first, first + size);
  }

  /// Makes room for a message of so many bytes, which is not moved then while it grows.
  void reserve(size_t bytes) { out_.bytes.reserve(bytes); }

  /// Sends a duplicate of `fd` along.
  void attach(int fd);

  /// The State that a type keeps while this message is written, such as the descriptors it has attached. It is made on
  /// first use and gone with take().
  template <class State>
  State& memory() {
    return memory_.get<State>();
  }

  /// Makes an aggregate whose `serialize` visits fewer values than it has members throw std::logic_error from here on.
  /// A type with `save` and `load` in its place may leave out what it likes.
  void require_all_members() { audit_.start(); }

  // The audit, for cereal and for what writes numbers.
  detail::MemberAudit& audit() { return audit_; }
  detail::NumberKinds& kinds() { return kinds_; }

  /// Everything written so far. The archive is empty afterwards.
  Encoded take() {
    memory_.clear();
    return std::move(out_);
  }

 private:
  static constexpr size_t kFirstBytes = 64;  // Most messages need no more.

  Encoded out_;
  detail::MessageMemory memory_;
  detail::NumberKinds kinds_;
  detail::MemberAudit audit_;
};

/// The hook that cereal finds and calls around every value.
template <class T>
void prologue(EncodeArchive& archive, const T&) {
  archive.audit().enter();
}
template <class T>
void epilogue(EncodeArchive& archive, const T&) {
  archive.audit().leave<T>();
}

/// Reads what EncodeArchive wrote. Every read is checked against the bytes that are left: a message cut short throws
/// DecodeError, garbage throws that or cereal::Exception, and neither allocates more than the message could fill.
///
/// One kind of garbage is not caught: a std::shared_ptr that claims to be an earlier one of another type. Do not read
/// shared pointers from a process that may be hostile.
class DecodeArchive : public cereal::InputArchive<DecodeArchive, cereal::AllowEmptyClassElision> {
 public:
  /// Reads from `bytes` and `fds`, both borrowed. Descriptors are taken out of `fds` as they are read.
  DecodeArchive(std::span<const std::byte> bytes, std::span<OwnedFd> fds)
      : InputArchive(this), bytes_(bytes), fds_(fds) {}

  void read(void* data, size_t size) {
    if (size > bytes_.size()) throw_too_short(size);
    if (size > 0) std::memcpy(data, bytes_.data(), size);
    bytes_ = bytes_.subspan(size);
  }

  /// Reads `count` bools, as read() does. Throws DecodeError for a byte that is neither 0 nor 1.
  void read_bools(bool* values, size_t count);

  /// Throws DecodeError when the rest of the message cannot hold a container of `count` elements.
  void require_elements(uint64_t count) const;

  /// The next descriptor, now the caller's.
  OwnedFd detach();

  size_t remaining() const { return bytes_.size(); }

  /// The counterpart of EncodeArchive::memory(): the State that a type keeps while the archive lives.
  template <class State>
  State& memory() {
    return memory_.get<State>();
  }

  // The kinds, for what reads numbers.
  detail::NumberKinds& kinds() { return kinds_; }

 private:
  [[noreturn]] void throw_too_short(size_t wanted) const;

  std::span<const std::byte> bytes_;
  std::span<OwnedFd> fds_;
  detail::MessageMemory memory_;
  detail::NumberKinds kinds_;
};

template <class... Values>
Encoded encode(const Values&... values) {
  EncodeArchive archive;
  archive(values...);
  return archive.take();
}

// What cereal asks of an archive: how it writes numbers, blocks of numbers, sizes, and names (which we drop).

template <class T>
  requires std::is_arithmetic_v<T>
void CEREAL_SAVE_FUNCTION_NAME(EncodeArchive& archive, const T& value) {
  archive.kinds().add<T>();
  archive.write(&value, sizeof value);
}

template <class T>
  requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>)
void CEREAL_LOAD_FUNCTION_NAME(DecodeArchive& archive, T& value) {
  archive.kinds().add<T>();
  archive.read(&value, sizeof value);
}

/// An overload for bool, because a bool that is neither 0 nor 1 is undefined behaviour.
inline void CEREAL_LOAD_FUNCTION_NAME(DecodeArchive& archive, bool& value) {
  archive.kinds().add<bool>();
  archive.read_bools(&value, 1);
}

namespace detail {
template <class Pointer>
using Pointee = std::remove_pointer_t<std::remove_cvref_t<Pointer>>;
}  // namespace detail

template <class T>
void CEREAL_SAVE_FUNCTION_NAME(EncodeArchive& archive, const cereal::BinaryData<T>& block) {
  archive.kinds().add<detail::Pointee<T>>();
  archive.write(block.data, static_cast<size_t>(block.size));
}

template <class T>
void CEREAL_LOAD_FUNCTION_NAME(DecodeArchive& archive, cereal::BinaryData<T>& block) {
  archive.kinds().add<detail::Pointee<T>>();
  if constexpr (std::is_same_v<std::remove_cvref_t<T>, bool*>)
    archive.read_bools(static_cast<bool*>(block.data), static_cast<size_t>(block.size));
  else
    archive.read(block.data, static_cast<size_t>(block.size));
}

namespace detail {
/// Enumerations and std::byte, for which any bytes are a value, save for an enumeration of bools.
template <class T>
concept PlainBytes = std::is_enum_v<T> && !std::is_same_v<std::underlying_type_t<T>, bool>;
}  // namespace detail

// Cereal writes containers of numbers as one block, and all others value by value. What follows writes containers of
// enumerations as one block too.

template <detail::PlainBytes T, class Allocator>
void CEREAL_SAVE_FUNCTION_NAME(EncodeArchive& archive, const std::vector<T, Allocator>& values) {
  archive(cereal::make_size_tag(static_cast<cereal::size_type>(values.size())),
          cereal::binary_data(values.data(), values.size() * sizeof(T)));
}

template <detail::PlainBytes T, class Allocator>
void CEREAL_LOAD_FUNCTION_NAME(DecodeArchive& archive, std::vector<T, Allocator>& values) {
  cereal::size_type size = 0;
  archive(cereal::make_size_tag(size));
  values.resize(static_cast<size_t>(size));
  archive(cereal::binary_data(values.data(), values.size() * sizeof(T)));
}

template <detail::PlainBytes T, size_t N>
void CEREAL_SAVE_FUNCTION_NAME(EncodeArchive& archive, const std::array<T, N>& values) {
  archive(cereal::binary_data(values.data(), sizeof values));
}

template <detail::PlainBytes T, size_t N>
void CEREAL_LOAD_FUNCTION_NAME(DecodeArchive& archive, std::array<T, N>& values) {
  archive(cereal::binary_data(values.data(), sizeof values));
}

template <class T>
void CEREAL_SAVE_FUNCTION_NAME(EncodeArchive& archive, const cereal::SizeTag<T>& tag) {
  archive(static_cast<cereal::size_type>(tag.size));
}

template <class T>
void CEREAL_LOAD_FUNCTION_NAME(DecodeArchive& archive, cereal::SizeTag<T>& tag) {
  cereal::size_type size = 0;
  archive(size);
  archive.require_elements(size);  // Throws before anybody allocates for them.
  tag.size = static_cast<std::remove_reference_t<decltype(tag.size)>>(size);
}

template <class T>
void CEREAL_SERIALIZE_FUNCTION_NAME(EncodeArchive& archive, cereal::NameValuePair<T>& pair) {
  archive(pair.value);
}

template <class T>
void CEREAL_SERIALIZE_FUNCTION_NAME(DecodeArchive& archive, cereal::NameValuePair<T>& pair) {
  archive(pair.value);
}

inline void CEREAL_SAVE_FUNCTION_NAME(EncodeArchive& archive, const OwnedFd& fd) { archive.attach(fd.get()); }
inline void CEREAL_LOAD_FUNCTION_NAME(DecodeArchive& archive, OwnedFd& fd) { fd = archive.detach(); }

}  // namespace millrace

CEREAL_SETUP_ARCHIVE_TRAITS(millrace::DecodeArchive, millrace::EncodeArchive)
