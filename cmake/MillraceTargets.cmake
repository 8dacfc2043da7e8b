# Sources say #include "millrace/sharing/os/owned_fd.h", in the build tree as in an installed one: these links make the
# folders with sources appear under that name. One link to the whole tree would have the build in it, once more and again.
set(_millrace_names ${PROJECT_BINARY_DIR}/include/millrace)
if(IS_SYMLINK ${_millrace_names})
  file(REMOVE ${_millrace_names})
endif()
file(MAKE_DIRECTORY ${_millrace_names})
foreach(name apps benchmarks configs formats loader plots records samplers sharing showing surveys tests training millrace.h version.h)
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${name} ${_millrace_names}/${name} SYMBOLIC)
endforeach()

# Old paths of headers that moved: each a file that includes the new one.
set(_millrace_moved ${PROJECT_BINARY_DIR}/moved)
file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/moved_headers.txt _moved REGEX "^[^#]")
foreach(_line IN LISTS _moved)
  separate_arguments(_line)
  list(GET _line 0 _old)
  list(GET _line 1 _new)
  file(CONFIGURE OUTPUT ${_millrace_moved}/millrace/${_old} CONTENT "#pragma once\n#include \"millrace/${_new}\"\n" @ONLY)
endforeach()

# Most of the time that a file takes to compile is spent on what it includes from others, so the files of a folder are
# compiled together, at most this many at a time. 0 compiles each by itself, which is quicker while working on one, and shows
# that each includes what it uses. A file with CMake's property SKIP_UNITY_BUILD_INCLUSION is always compiled by itself.
set(MILLRACE_FILES_AT_ONCE 12 CACHE STRING "How many files of a folder are compiled together; 0: each by itself")

# Puts into OUT what to compile in place of the sources: files that include them by their path below the tree, so that
# clones of the tree have the same.
function(_millrace_together out name)
  set(result)
  foreach(source IN LISTS ARGN)
    get_source_file_property(alone ${source} SKIP_UNITY_BUILD_INCLUSION)
    get_filename_component(absolute ${source} ABSOLUTE)
    string(FIND ${absolute} ${CMAKE_BINARY_DIR}/ made_by_build)
    file(RELATIVE_PATH path ${PROJECT_SOURCE_DIR} ${absolute})
    if(MILLRACE_FILES_AT_ONCE EQUAL 0 OR alone OR made_by_build EQUAL 0)
      list(APPEND result ${source})
      continue()
    endif()
    get_filename_component(folder ${path} DIRECTORY)
    string(MAKE_C_IDENTIFIER "${name}_${folder}" group)
    list(APPEND groups ${group})
    list(APPEND ${group} ${path})
  endforeach()
  list(REMOVE_DUPLICATES groups)
  foreach(group IN LISTS groups)
    # Batches of one size: 13 files are 7 and 6, not 12 and 1.
    list(LENGTH ${group} files)
    math(EXPR batches "(${files} + ${MILLRACE_FILES_AT_ONCE} - 1) / ${MILLRACE_FILES_AT_ONCE}")
    math(EXPR size "(${files} + ${batches} - 1) / ${batches}")
    foreach(batch RANGE 1 ${batches})
      math(EXPR first "(${batch} - 1) * ${size}")
      list(SUBLIST ${group} ${first} ${size} paths)
      if(size EQUAL 1)
        set(together ${PROJECT_SOURCE_DIR}/${paths})
      else()
        list(TRANSFORM paths REPLACE "(.+)" "#include \"millrace/\\1\"\n")
        string(JOIN "" text ${paths})
        set(together ${CMAKE_CURRENT_BINARY_DIR}/together/${group}_${batch}.cpp)
        file(CONFIGURE OUTPUT ${together} CONTENT "${text}" @ONLY)
      endif()
      list(APPEND result ${together})
    endforeach()
  endforeach()
  set(${out} ${result} PARENT_SCOPE)
endfunction()

# millrace_library(NAME sources...): one library a folder, with our warnings and the include root.
function(millrace_library name)
  _millrace_together(sources ${name} ${ARGN})
  add_library(${name} ${sources})
  string(REPLACE millrace_ "" short ${name})
  add_library(Millrace::${short} ALIAS ${name})
  set_target_properties(${name} PROPERTIES EXPORT_NAME ${short})
  target_compile_features(${name} PUBLIC cxx_std_20)
  target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
                                            $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/moved>
                                            $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(${name} PRIVATE $<BUILD_INTERFACE:millrace_compiler>)
endfunction()

# millrace_program(NAME sources...): an executable of ours, with our warnings.
function(millrace_program name)
  _millrace_together(sources ${name} ${ARGN})
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE millrace_compiler)
endfunction()

# millrace_compile_quickly(TARGET): for programs whose own code nobody waits for: half the optimisation takes two thirds of the
# time to compile. What they link is optimised as always.
function(millrace_compile_quickly target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
endfunction()
