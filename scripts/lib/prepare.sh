# prepare TARGET: install what is missing and build TARGET (`loopline`, or `all` with the tests) in
# build/release, or build/cuda when LOOPLINE_CUDA=1. TARGET `environment`: install alone, what `all`
# needs. Sourced; the caller sets $root.
#
# Every part is safe to interrupt and to repeat: a stamp that is written last, by rename, says that
# a part is complete, and whatever has no stamp is checked or made again.

flavour=cpu preset=release
if [[ ${LOOPLINE_CUDA:-0} != 0 ]]; then
  flavour=cuda preset=cuda
fi
if [[ -n ${LOOPLINE_TORCH_ROOT:-} ]]; then
  LOOPLINE_TORCH_ROOT=$(realpath -m -- "$LOOPLINE_TORCH_ROOT")
fi
build=$root/build/$preset
log=$root/build/setup.log
built_stamp=$build/.loopline-built

source "$root/scripts/lib/steps.sh"
source "$root/scripts/lib/packages.sh"
source "$root/scripts/lib/wheels.sh"
source "$root/scripts/lib/test_env.sh"

# Changes when a file that the program is built from changes, appears or vanishes.
fingerprint() {
  {
    printf '%s\n' "$root" "${LOOPLINE_TORCH_ROOT:-}" "$(wheels_wanted "$flavour")"
    cd "$root"
    find CMakeLists.txt CMakePresets.json third_party scripts/lib include src -type f \
      -printf '%p %s %T@\n' | LC_ALL=C sort
  } | sha256sum
}

up_to_date() {
  [[ -x $build/bin/loopline && -f $built_stamp ]] || return 1
  torch_library || return 1
  [[ $(<"$built_stamp") == "$(fingerprint)" ]]
}

take_lock() {
  local folder
  for folder in "$root/.deps" "$build"; do
    { mkdir -p "$folder" && [[ -w $folder ]]; } 2>/dev/null ||
      fail "cannot write to $folder, where LibTorch and the program are to be installed"
  done
  exec {lock}>>"$root/.deps/lock"
  if ! flock --nonblock "$lock"; then
    say "waiting for another setup of the same checkout"
    flock "$lock"
  fi
}

configure() {
  local tests=ON key options=()
  if [[ -n $(missing_packages "${test_packages[@]}") ]] && command -v dpkg-query >/dev/null; then
    tests=OFF
  fi
  key="$root ${LOOPLINE_TORCH_ROOT:-} tests=$tests $(sha256sum <"$root/CMakePresets.json")"
  if [[ -e $build/build.ninja && "$(cat "$build/.loopline-configured" 2>/dev/null)" == "$key" ]]; then
    return # ninja runs CMake again when a list or a folder has changed
  fi
  rm -f "$build/.loopline-configured"
  # A cache from another place, or of a configuration that was interrupted, is of no use.
  if [[ ! -e $build/build.ninja ]] ||
    ! grep -qsxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$build/CMakeCache.txt"; then
    options=(--fresh)
  fi
  run_step "configuring" cmake --preset "$preset" "${options[@]}" -DLOOPLINE_TESTS="$tests" \
    -DLOOPLINE_TORCH_ROOT="${LOOPLINE_TORCH_ROOT:-}" || fail_step "configuring"
  printf '%s\n' "$key" >"$build/.loopline-configured"
}

# A compilation of LibTorch's headers takes up to 2 GiB.
build_jobs() {
  local cores free
  cores=$(nproc)
  free=$(awk '/^MemAvailable/ {print int($2 / 2097152)}' /proc/meminfo)
  echo $((free < 1 ? 1 : free < cores ? free : cores))
}

compile() {
  local target=$1 message=building before
  before=$(fingerprint)
  if [[ ! -e $build/bin/loopline ]]; then
    message="building (minutes, the first time)"
  fi
  rm -f "$built_stamp"
  if [[ -n ${HOME:-} && ! -w $HOME && -z ${CCACHE_DIR:-} ]]; then
    export CCACHE_DIR=$root/.deps/ccache # without a home ccache would fail, not just be of no use
  fi
  export CCACHE_DEPEND=1 # do not preprocess what is compiled anyway: a tenth of a first build
  run_step "$message" cmake --build "$build" --target "$target" -j "$(build_jobs)" ||
    fail_step "building"
  printf '%s\n' "$before" >"$built_stamp.new"
  mv "$built_stamp.new" "$built_stamp"
}

prepare() {
  local target=$1 caller=$PWD
  if [[ $target == loopline ]] && up_to_date; then
    return
  fi
  trap 'on_signal INT' INT
  trap 'on_signal TERM' TERM
  trap 'on_signal HUP' HUP
  take_lock
  if [[ $target != loopline ]] || ! up_to_date; then # another one may have built it meanwhile
    cd "$root" # nothing of the caller's directory may be taken for a Python module
    date >"$log"
    if [[ -n ${LOOPLINE_TORCH_ROOT:-} ]]; then
      torch_library || fail "LOOPLINE_TORCH_ROOT: $LOOPLINE_TORCH_ROOT has no lib/libtorch_cpu.so"
    fi
    ensure_packages "${target/#environment/all}"
    [[ -n ${LOOPLINE_TORCH_ROOT:-} ]] || ensure_wheels "$flavour"
    [[ $target == loopline ]] || ensure_test_env
    if [[ $target != environment ]]; then
      configure
      compile "$target"
    fi
    cd "$caller"
  fi
  exec {lock}>&-
  trap - INT TERM HUP
  clear_status
}
