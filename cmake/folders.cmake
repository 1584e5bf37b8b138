# One static library and one include root per folder of src/.
#
# A library's include root holds a link to its own folder only, and include roots travel along the
# DEPENDS below: a folder that includes what it does not depend on does not compile.

find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(GTest REQUIRED)
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
pkg_check_modules(libpq REQUIRED IMPORTED_TARGET libpq)

# Where tests find the PostgreSQL that they start: a socket's path is short, and the server's user
# reads its way there.
string(SHA256 hash "${CMAKE_BINARY_DIR}")
string(SUBSTRING "${hash}" 0 12 hash)
set(MOHONA_POSTGRESQL "/tmp/mohona-test-${hash}")
set(MOHONA_SLURM "/tmp/mohona-slurm-${hash}")  # and a Slurm cluster

# The headers that nearly every file needs are parsed once for all folders, and once for all tests.
set(MOHONA_PCH <algorithm> <chrono> <cstdint> <functional> <map> <memory> <optional> <set> <string>
    <string_view> <variant> <vector> <fmt/format.h> <tl/expected.hpp>)
file(WRITE ${CMAKE_BINARY_DIR}/precompiled.cc "")
add_library(mohona_headers OBJECT ${CMAKE_BINARY_DIR}/precompiled.cc)
target_precompile_headers(mohona_headers PRIVATE ${MOHONA_PCH})
target_link_libraries(mohona_headers PRIVATE fmt::fmt)
add_library(mohona_test_headers OBJECT ${CMAKE_BINARY_DIR}/precompiled.cc)
target_precompile_headers(mohona_test_headers PRIVATE ${MOHONA_PCH} <gtest/gtest.h>)
target_link_libraries(mohona_test_headers PRIVATE fmt::fmt GTest::gtest)

# mohona_folder(store PATHS store/store.h SOURCES a.cc DEPENDS base LIBRARIES sqlite3)
#   PATHS: what others may include of it; the folder itself when not said.
function(mohona_folder name)
  cmake_parse_arguments(F "" "" "PATHS;SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  if(NOT F_PATHS)
    set(F_PATHS ${name})
  endif()
  set(root ${CMAKE_BINARY_DIR}/roots/${name})
  foreach(path ${F_PATHS})
    cmake_path(GET path PARENT_PATH parent)
    file(MAKE_DIRECTORY ${root}/${parent})
    file(CREATE_LINK ${CMAKE_SOURCE_DIR}/src/${path} ${root}/${path} SYMBOLIC)
  endforeach()

  set(depends ${F_DEPENDS})
  list(TRANSFORM depends PREPEND mohona_)
  if(F_SOURCES)
    add_library(mohona_${name} STATIC ${F_SOURCES})
    set(scope PUBLIC)
    target_precompile_headers(mohona_${name} REUSE_FROM mohona_headers)
  else()
    add_library(mohona_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(mohona_${name} ${scope} ${root})
  target_link_libraries(mohona_${name} ${scope} ${depends} ${F_LIBRARIES} fmt::fmt)
endfunction()

# mohona_tests(spec SOURCES spec/a_test.cc DEPENDS spec): one GoogleTest program, each case a CTest.
#   PROPERTIES: further ones of each.
function(mohona_tests name)
  cmake_parse_arguments(T "" "" "SOURCES;DEPENDS;LIBRARIES;PROPERTIES" ${ARGN})
  set(depends ${T_DEPENDS})
  list(TRANSFORM depends PREPEND mohona_)
  add_executable(${name}_tests ${T_SOURCES})
  target_precompile_headers(${name}_tests REUSE_FROM mohona_test_headers)
  target_compile_definitions(${name}_tests PRIVATE MOHONA_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
                             MOHONA_BINARY_DIR="${CMAKE_BINARY_DIR}")
  target_link_libraries(${name}_tests PRIVATE ${depends} ${T_LIBRARIES} GTest::gtest_main)
  gtest_discover_tests(${name}_tests TEST_PREFIX ${name}. DISCOVERY_TIMEOUT 60
                       PROPERTIES TIMEOUT 120 ${T_PROPERTIES})
endfunction()
include(GoogleTest)
