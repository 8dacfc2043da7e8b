#pragma once

/// What a sanitizer that this program is compiled with does to its own process, for tests that meet it.
namespace millrace::test {

#if defined(__SANITIZE_ADDRESS__)
/// The check of an object's type opens a pipe: where no descriptor can be had it takes every object for a wrong one.
inline constexpr bool kSanitizerOpensDescriptors = true;
#else
inline constexpr bool kSanitizerOpensDescriptors = false;
#endif

}  // namespace millrace::test
