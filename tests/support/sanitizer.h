#pragma once

/// What a sanitizer that this program is compiled with does to its own process, for tests that meet it.
namespace millrace::test {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kAddressSanitizer = true;
#else
inline constexpr bool kAddressSanitizer = false;
#endif
#if defined(__SANITIZE_THREAD__)
inline constexpr bool kThreadSanitizer = true;
#else
inline constexpr bool kThreadSanitizer = false;
#endif

/// The check of an object's type opens a pipe: where no descriptor can be had it takes every object for a wrong one.
inline constexpr bool kSanitizerOpensDescriptors = kAddressSanitizer;
/// Its own locks are not let go in children.
inline constexpr bool kSanitizerHasLocks = kAddressSanitizer;
/// One of its own, from before main().
inline constexpr bool kSanitizerHasAThread = kThreadSanitizer;
/// Of addresses, processes and descriptors.
inline constexpr bool kSanitizerNeedsRoom = kAddressSanitizer || kThreadSanitizer;

}  // namespace millrace::test
