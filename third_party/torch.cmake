# The imported target loopline_torch: LibTorch linked directly, from the pinned Python wheel or from
# an unpacked LibTorch. find_package(Torch) is not used: on the CUDA wheel it needs a CUDA compiler
# and, depending on the CMake version, a newer NCCL or a dialect that CMake does not know.
#
#   LOOPLINE_TORCH_ROOT  directory with include/ and lib/ (an unpacked LibTorch or .../site-packages/torch).
#                        Default: the project's own environment, which scripts/loopline installs.
#   LOOPLINE_CUDA        link the CUDA flavour as well.

set(LOOPLINE_TORCH_ROOT "" CACHE PATH "LibTorch: a directory with include/ and lib/")
set(LOOPLINE_TORCH_OLDEST 2.11)
set(LOOPLINE_TORCH_NEWEST 2.14)

set(torch_root "${LOOPLINE_TORCH_ROOT}")
if(NOT torch_root)
  file(GLOB torch_root LIST_DIRECTORIES true
    "${PROJECT_SOURCE_DIR}/.deps/venv/lib/python3*/site-packages/torch")
endif()
if(NOT torch_root OR NOT EXISTS "${torch_root}/lib/libtorch_cpu.so")
  message(FATAL_ERROR
    "LibTorch was not found. Run scripts/loopline once (it installs the pinned torch wheel into "
    ".deps/venv) or pass -DLOOPLINE_TORCH_ROOT=/path/to/libtorch.")
endif()

set(torch_version unknown)
set(torch_version_header "${torch_root}/include/torch/headeronly/version.h")
if(EXISTS "${torch_version_header}")
  file(STRINGS "${torch_version_header}" torch_version_lines
    REGEX "#define TORCH_VERSION_(MAJOR|MINOR) ")
  string(REGEX REPLACE ".*MAJOR ([0-9]+).*MINOR ([0-9]+).*" "\\1.\\2" torch_version
    "${torch_version_lines}")
endif()
if(torch_version STREQUAL "unknown"
    OR torch_version VERSION_LESS LOOPLINE_TORCH_OLDEST
    OR torch_version VERSION_GREATER LOOPLINE_TORCH_NEWEST)
  message(WARNING "LibTorch ${torch_version} in ${torch_root} is outside the tested range "
    "${LOOPLINE_TORCH_OLDEST} to ${LOOPLINE_TORCH_NEWEST}.")
endif()

message(STATUS "LibTorch ${torch_version}: ${torch_root}")

# The CUDA that a wheel was built for, as CUDA writes it (13000 is 13.0); 0 where that is not said.
set(LOOPLINE_TORCH_CUDA_VERSION 0)
if(EXISTS "${torch_root}/version.py")
  file(STRINGS "${torch_root}/version.py" torch_cuda_line REGEX "^cuda.*= '[0-9]+\\.[0-9]+'")
  if(torch_cuda_line MATCHES "'([0-9]+)\\.([0-9]+)'")
    math(EXPR LOOPLINE_TORCH_CUDA_VERSION "${CMAKE_MATCH_1} * 1000 + ${CMAKE_MATCH_2} * 10")
  endif()
endif()

add_library(loopline_torch INTERFACE)
target_include_directories(loopline_torch SYSTEM INTERFACE
  "${torch_root}/include" "${torch_root}/include/torch/csrc/api/include")
target_link_libraries(loopline_torch INTERFACE
  "${torch_root}/lib/libtorch_cpu.so" "${torch_root}/lib/libc10.so")
# The wheel's libraries reference CUDA libraries that a CPU installation does not have.
target_link_options(loopline_torch INTERFACE
  "-Wl,--allow-shlib-undefined" "-Wl,-rpath,${torch_root}/lib")

if(LOOPLINE_CUDA)
  if(NOT EXISTS "${torch_root}/lib/libtorch_cuda.so")
    message(FATAL_ERROR "${torch_root} has no libtorch_cuda.so: -DLOOPLINE_CUDA=ON needs a CUDA build of LibTorch.")
  endif()
  # Nothing refers to libtorch_cuda by symbol: its kernels register themselves when it is loaded.
  target_link_libraries(loopline_torch INTERFACE
    "-Wl,--no-as-needed" "${torch_root}/lib/libtorch_cuda.so" "${torch_root}/lib/libc10_cuda.so"
    "-Wl,--as-needed")
endif()
