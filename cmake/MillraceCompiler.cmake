# How Millrace's own code is compiled. Nothing here reaches a project that links Millrace, except the build-id, which
# function identity (sharing/codec/function_ref) needs in every module.

option(MILLRACE_WARNINGS_AS_ERRORS "Treat warnings in Millrace's own code as errors" ${PROJECT_IS_TOP_LEVEL})
option(MILLRACE_COVERAGE "Instrument for gcov" OFF)
set(MILLRACE_SANITIZE "" CACHE STRING "Sanitizers for Millrace's own code: '', 'address,undefined' or 'thread'")

if(PROJECT_IS_TOP_LEVEL)
  if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
  endif()
  find_program(MILLRACE_CCACHE ccache)
  if(MILLRACE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_CURRENT_LIST_DIR}/ccache)
  endif()
endif()

add_library(millrace_compiler INTERFACE)
target_compile_options(millrace_compiler INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
  -Wold-style-cast -Wcast-qual -Woverloaded-virtual)
# GCC 12 takes `"text" + std::string()` for an overlapping copy when it optimises (GCC bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(millrace_compiler INTERFACE -Wno-restrict)
endif()
# Files that are compiled together take each other for headers, whose classes this warns of.
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  target_compile_options(millrace_compiler INTERFACE -Wno-subobject-linkage)
endif()
if(MILLRACE_WARNINGS_AS_ERRORS)
  target_compile_options(millrace_compiler INTERFACE -Werror)
endif()
if(MILLRACE_SANITIZE)
  target_compile_options(millrace_compiler INTERFACE -fsanitize=${MILLRACE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  target_link_options(millrace_compiler INTERFACE -fsanitize=${MILLRACE_SANITIZE})
  # The checks that sanitizers add make this warning see paths that cannot happen.
  target_compile_options(millrace_compiler INTERFACE -Wno-maybe-uninitialized)
endif()
if(MILLRACE_COVERAGE)
  target_compile_options(millrace_compiler INTERFACE --coverage)
  target_link_options(millrace_compiler INTERFACE --coverage)
endif()
