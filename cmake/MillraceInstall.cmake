# What `make install` puts under PREFIX: the libraries, the headers under include/millrace, the program, and a CMake
# package, so that find_package(Millrace) gives Millrace::millrace (everything) and a target for each library.

include(CMakePackageConfigHelpers)

set(_libraries millrace_sharing millrace_cuda millrace_tensors millrace_samplers millrace_loader
    millrace_transform_table millrace_images millrace_formats millrace_config_tables millrace_config_checks millrace_configs
    millrace_records millrace_plots millrace_surveys millrace_training millrace_showing)
if(TARGET millrace_program)
  list(APPEND _libraries millrace_front millrace_program)
endif()
set(_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Millrace)

install(TARGETS millrace ${_libraries} EXPORT MillraceTargets)
install(EXPORT MillraceTargets NAMESPACE Millrace:: DESTINATION ${_package_dir})

foreach(_folder sharing samplers loader formats configs plots records training)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${_folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/millrace
          FILES_MATCHING PATTERN "*.h")
endforeach()
install(DIRECTORY ${_millrace_moved}/millrace DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(TARGET millrace_program)
  set(_program ${PROJECT_SOURCE_DIR}/apps/millrace)
  install(FILES ${_program}/library.h ${_program}/program.h ${_program}/program_types.h
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/millrace/apps/millrace)
endif()
install(FILES ${PROJECT_SOURCE_DIR}/millrace.h ${PROJECT_SOURCE_DIR}/version.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/millrace)

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/MillraceConfig.cmake.in ${PROJECT_BINARY_DIR}/MillraceConfig.cmake
                              INSTALL_DESTINATION ${_package_dir} NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/MillraceConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/MillraceConfig.cmake ${PROJECT_BINARY_DIR}/MillraceConfigVersion.cmake
              ${CMAKE_CURRENT_LIST_DIR}/FindLibTorch.cmake
        DESTINATION ${_package_dir})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# Building this target builds what is installed, and no test.
add_custom_target(millrace_installed DEPENDS ${_libraries})
if(TARGET millrace_cli)
  # The installed program goes on finding the LibTorch that it was linked with.
  set_target_properties(millrace_run PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
  install(TARGETS millrace_cli)
  install(DIRECTORY ${PROJECT_BINARY_DIR}/share/ DESTINATION ${CMAKE_INSTALL_DATADIR})
  # Where apps/millrace/front/main.cpp looks for it.
  install(TARGETS millrace_run DESTINATION libexec/millrace)
  add_dependencies(millrace_installed millrace_cli)
endif()
