# Finds LibTorch without running its own package file, which enables CUDA, overwrites CMAKE_CUDA_ARCHITECTURES and then
# links libraries that a machine without a GPU does not have.
#
# Looked at, in this order:
#   -DLIBTORCH=DIR or $LIBTORCH   a directory with include/ and lib/ (an unpacked libtorch, or a wheel's torch/)
#   CMAKE_PREFIX_PATH             an unpacked libtorch
#   the cache of scripts/setup    the torch wheel, unpacked
#   python3 -c 'import torch'     the torch of that Python
#
# Defines LibTorch::torch_cpu (which brings LibTorch::c10), LIBTORCH_ROOT and LibTorch_VERSION.

set(LIBTORCH "$ENV{LIBTORCH}" CACHE PATH "Directory of LibTorch (with include/ and lib/)")
if(NOT "$ENV{XDG_CACHE_HOME}" STREQUAL "")
  set(_millrace_cache "$ENV{XDG_CACHE_HOME}/millrace")
else()
  set(_millrace_cache "$ENV{HOME}/.cache/millrace")
endif()

set(_libtorch_hints ${LIBTORCH})
if(NOT LIBTORCH)
  list(APPEND _libtorch_hints ${CMAKE_PREFIX_PATH} "${_millrace_cache}/libtorch-2.11.0/torch")
endif()
find_path(LIBTORCH_ROOT NAMES include/ATen/core/Tensor.h HINTS ${_libtorch_hints} NO_DEFAULT_PATH)
if(NOT LIBTORCH_ROOT AND NOT LIBTORCH)
  find_program(MILLRACE_PYTHON3 python3)
  if(MILLRACE_PYTHON3)
    execute_process(COMMAND ${MILLRACE_PYTHON3} -c "import torch, os; print(os.path.dirname(torch.__file__))"
                    OUTPUT_VARIABLE _torch_dir OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    find_path(LIBTORCH_ROOT NAMES include/ATen/core/Tensor.h HINTS ${_torch_dir} NO_DEFAULT_PATH)
  endif()
endif()
find_library(LIBTORCH_TORCH_CPU torch_cpu HINTS ${LIBTORCH_ROOT}/lib NO_DEFAULT_PATH)
find_library(LIBTORCH_C10 c10 HINTS ${LIBTORCH_ROOT}/lib NO_DEFAULT_PATH)

if(LIBTORCH_ROOT AND EXISTS ${LIBTORCH_ROOT}/include/torch/headeronly/version.h)
  file(STRINGS ${LIBTORCH_ROOT}/include/torch/headeronly/version.h _version REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
elseif(LIBTORCH_ROOT)
  file(STRINGS ${LIBTORCH_ROOT}/include/torch/csrc/api/include/torch/version.h _version REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
endif()
string(REGEX REPLACE "[^0-9;]" "" _version "${_version}")
string(REPLACE ";" "." LibTorch_VERSION "${_version}")

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LIBTORCH_TORCH_CPU LIBTORCH_C10 LIBTORCH_ROOT
  VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "run scripts/setup, which installs LibTorch 2.11.0, or say where it is with -DLIBTORCH=DIR")

if(LibTorch_FOUND AND NOT TARGET LibTorch::torch_cpu)
  add_library(LibTorch::c10 SHARED IMPORTED)
  set_target_properties(LibTorch::c10 PROPERTIES
    IMPORTED_LOCATION ${LIBTORCH_C10}
    INTERFACE_INCLUDE_DIRECTORIES "${LIBTORCH_ROOT}/include;${LIBTORCH_ROOT}/include/torch/csrc/api/include")
  add_library(LibTorch::torch_cpu SHARED IMPORTED)
  set_target_properties(LibTorch::torch_cpu PROPERTIES
    IMPORTED_LOCATION ${LIBTORCH_TORCH_CPU}
    INTERFACE_LINK_LIBRARIES LibTorch::c10
    # libtorch_cpu finds libcudart and libcupti through its own RPATH; the linker need not.
    INTERFACE_LINK_OPTIONS "LINKER:--allow-shlib-undefined")
endif()

# A program with a libstdc++ of its own, linked statically, beside the one that LibTorch brings frees with one what the other
# allocated, and aborts at its exit.
if(LibTorch_FOUND AND CMAKE_READELF AND NOT LIBTORCH_SHARES_LIBSTDCXX)
  file(WRITE ${CMAKE_BINARY_DIR}/CMakeFiles/one_libstdcxx.cpp
       "#include <iostream>\nint main() { std::cout << std::endl; }\n")
  try_compile(_millrace_built ${CMAKE_BINARY_DIR}/CMakeFiles/one_libstdcxx ${CMAKE_BINARY_DIR}/CMakeFiles/one_libstdcxx.cpp
              COPY_FILE ${CMAKE_BINARY_DIR}/CMakeFiles/one_libstdcxx.out)
  if(_millrace_built)
    execute_process(COMMAND ${CMAKE_READELF} -d ${CMAKE_BINARY_DIR}/CMakeFiles/one_libstdcxx.out
                    OUTPUT_VARIABLE _millrace_needed ERROR_QUIET)
    if(NOT _millrace_needed MATCHES "libstdc\\+\\+\\.so")
      message(FATAL_ERROR "${CMAKE_CXX_COMPILER} links no shared libstdc++ (is it linked statically, by the compiler or by "
        "CMAKE_EXE_LINKER_FLAGS?), and LibTorch has one: with two in a program it aborts in free() when it ends. Take "
        "another compiler (CXX=/usr/bin/g++), or leave out -static-libstdc++")
    endif()
    set(LIBTORCH_SHARES_LIBSTDCXX TRUE CACHE INTERNAL "Programs load the libstdc++ that LibTorch loads")
  endif()
  unset(_millrace_built CACHE)
endif()
mark_as_advanced(LIBTORCH_ROOT LIBTORCH_TORCH_CPU LIBTORCH_C10)
