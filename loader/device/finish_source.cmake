# The GPU's program is text in the library; a compiler for the device at hand gets it at run time.
file(READ ${CMAKE_CURRENT_LIST_DIR}/finish.cu MILLRACE_FINISH_CU)
file(READ ${CMAKE_CURRENT_LIST_DIR}/finish_arguments.h MILLRACE_FINISH_ARGUMENTS)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  ${CMAKE_CURRENT_LIST_DIR}/finish.cu ${CMAKE_CURRENT_LIST_DIR}/finish_arguments.h)
configure_file(${CMAKE_CURRENT_LIST_DIR}/finish_source.cpp.in ${CMAKE_CURRENT_BINARY_DIR}/finish_source.cpp @ONLY)
