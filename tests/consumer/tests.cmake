# Builds and runs app/, a project of its own, against Millrace in the two ways that users have: an installed package, and
# the source tree by add_subdirectory (which compiles the libraries once more, without optimisation and file by file, so that a
# missing include is noticed).

set(_prefix ${CMAKE_CURRENT_BINARY_DIR}/consumer/prefix)
add_test(NAME consumer_install COMMAND ${CMAKE_COMMAND} --install ${PROJECT_BINARY_DIR} --prefix ${_prefix})
set_tests_properties(consumer_install PROPERTIES FIXTURES_SETUP installed_package)

# What the program and the shells look for below PREFIX/share.
if(TARGET millrace_cli)
  add_test(NAME installed_configs COMMAND ${_prefix}/bin/millrace configs)
  add_test(NAME installed_pages COMMAND ${CMAKE_COMMAND} -E sha256sum share/man/man1/millrace.1
    share/bash-completion/completions/millrace share/zsh/site-functions/_millrace WORKING_DIRECTORY ${_prefix})
  set_tests_properties(installed_configs installed_pages PROPERTIES FIXTURES_REQUIRED installed_package TIMEOUT 60)
  set_tests_properties(installed_configs PROPERTIES PASS_REGULAR_EXPRESSION "digits  .*photos  ")
endif()

function(consumer_test name directory)
  add_test(NAME ${name} COMMAND ${CMAKE_CTEST_COMMAND}
    --build-and-test ${CMAKE_CURRENT_SOURCE_DIR}/consumer/app ${CMAKE_CURRENT_BINARY_DIR}/consumer/${directory}
    --build-generator ${CMAKE_GENERATOR} --build-makeprogram ${CMAKE_MAKE_PROGRAM} --build-noclean
    --build-options -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER} -DCMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER}
                    ${ARGN}
    --test-command ${CMAKE_CTEST_COMMAND} --output-on-failure)
  set_tests_properties(${name} PROPERTIES PROCESSORS 2 TIMEOUT 2700)
endfunction()

consumer_test(consumer_of_package installed -DCMAKE_PREFIX_PATH=${_prefix} -DCMAKE_BUILD_TYPE=Release)
set_tests_properties(consumer_of_package PROPERTIES FIXTURES_REQUIRED installed_package)

consumer_test(consumer_of_source_tree subdirectory
              -DMILLRACE_SOURCE=${PROJECT_SOURCE_DIR} -DLIBTORCH=${LIBTORCH_ROOT} -DCMAKE_BUILD_TYPE=Debug
              -DMILLRACE_FILES_AT_ONCE=0)

add_test(NAME consumer_with_two_libstdcxx_is_refused COMMAND ${CMAKE_COMMAND} --fresh
  -S ${CMAKE_CURRENT_SOURCE_DIR}/consumer/app -B ${CMAKE_CURRENT_BINARY_DIR}/consumer/two_libstdcxx -G ${CMAKE_GENERATOR}
  -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER} -DCMAKE_EXE_LINKER_FLAGS=-static-libstdc++ -DCMAKE_PREFIX_PATH=${_prefix})
set_tests_properties(consumer_with_two_libstdcxx_is_refused PROPERTIES FIXTURES_REQUIRED installed_package TIMEOUT 120
  PASS_REGULAR_EXPRESSION "-static-libstdc")

# What is not there is shown by configuring alone: whoever links a library of the package needs the targets that it names.
function(consumer_without_libarchive_test name)
  add_test(NAME ${name} COMMAND ${CMAKE_COMMAND} --fresh
    -S ${CMAKE_CURRENT_SOURCE_DIR}/consumer/app -B ${CMAKE_CURRENT_BINARY_DIR}/consumer/${name} -G ${CMAKE_GENERATOR}
    -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER} -DCMAKE_PREFIX_PATH=${_prefix} -DCMAKE_DISABLE_FIND_PACKAGE_LibArchive=ON ${ARGN})
  set_tests_properties(${name} PROPERTIES FIXTURES_REQUIRED installed_package TIMEOUT 120)
endfunction()

consumer_without_libarchive_test(consumer_that_trains_nothing_needs_no_libarchive)
consumer_without_libarchive_test(consumer_of_weights_is_told_of_libarchive -DCOMPONENTS=program)
set_tests_properties(consumer_of_weights_is_told_of_libarchive PROPERTIES PASS_REGULAR_EXPRESSION "libarchive-dev")
