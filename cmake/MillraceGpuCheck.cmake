# What scripts/gpu-check builds on a machine that has a GPU, LibTorch and a compiler, and nothing of what the loader reads
# files with. MILLRACE_GPU_HEADERS has the two header-only libraries that are left.
set(MILLRACE_GPU_HEADERS "" CACHE PATH "Directory of cereal/ and nlohmann/")

foreach(_library cereal::cereal nlohmann_json::nlohmann_json)
  add_library(${_library} INTERFACE IMPORTED GLOBAL)
  target_include_directories(${_library} INTERFACE ${MILLRACE_GPU_HEADERS})
endforeach()

add_subdirectory(sharing)
add_subdirectory(samplers)

include(loader/device/finish_source.cmake)
file(GLOB _loader CONFIGURE_DEPENDS
  loader/*.cpp loader/collation/*.cpp loader/sources/*.cpp loader/engine/*.cpp loader/device/*.cpp)
millrace_library(millrace_loader ${_loader} ${CMAKE_CURRENT_BINARY_DIR}/finish_source.cpp)
target_link_libraries(millrace_loader PUBLIC millrace_samplers millrace_tensors nlohmann_json::nlohmann_json)

add_subdirectory(tests/gpu)
