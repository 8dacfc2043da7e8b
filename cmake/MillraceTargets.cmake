# Sources say #include "millrace/sharing/os/owned_fd.h", in the build tree as in an installed one: this link makes the
# source tree appear under that name.
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/include)
file(CREATE_LINK ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/include/millrace SYMBOLIC)

# millrace_library(NAME sources...): one library a folder, with our warnings and the include root.
function(millrace_library name)
  add_library(${name} ${ARGN})
  string(REPLACE millrace_ "" short ${name})
  add_library(Millrace::${short} ALIAS ${name})
  set_target_properties(${name} PROPERTIES EXPORT_NAME ${short})
  target_compile_features(${name} PUBLIC cxx_std_20)
  target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
                                            $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(${name} PRIVATE $<BUILD_INTERFACE:millrace_compiler>)
endfunction()

# millrace_program(NAME sources...): an executable of ours, with our warnings.
function(millrace_program name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE millrace_compiler)
endfunction()
