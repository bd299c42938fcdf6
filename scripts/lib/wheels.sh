# LibTorch from its wheel, in the environment .deps/venv. Sourced after packages.sh.

venv=$root/.deps/venv
wheels_stamp=$venv/.loopline-installed # written last: without it the environment is not trusted

# What the stamp must hold. CUDA's wheels are a superset, so they serve the CPU flavour too.
wheels_wanted() {
  echo "flavour $1"
  grep -v '^#' "$root/third_party/libtorch.txt"
}

wheels_installed() {
  local stamp flavour
  [[ -f $wheels_stamp ]] && torch_library || return 1
  stamp=$(<"$wheels_stamp")
  for flavour in "$1" cuda; do
    [[ $stamp != "$(wheels_wanted "$flavour")" ]] || return 0
  done
  return 1
}

# Is there a LibTorch, the user's or ours?
torch_library() {
  local found=("$venv"/lib/python3.*/site-packages/torch/lib/libtorch_cpu.so)
  [[ -z ${LOOPLINE_TORCH_ROOT:-} ]] || found=("$LOOPLINE_TORCH_ROOT/lib/libtorch_cpu.so")
  [[ -e ${found[0]} ]]
}

# Nothing in the caller's environment may redirect the installation.
venv_python=(env -u PYTHONHOME -u PYTHONPATH -u PIP_TARGET -u PIP_PREFIX -u PIP_ROOT PIP_USER=0
  "$venv/bin/python")

make_venv() {
  local python
  rm -rf "$venv"
  python=$(find_python)
  [[ -n $python ]] || fail "needs a python3 from 3.10 to 3.14 with its venv module;" \
    "as root: apt-get install python3 python3-venv"
  run_step "making a Python environment for LibTorch" "$python" -m venv "$venv" ||
    fail_step "making the Python environment"
}

# ensure_wheels cpu|cuda
ensure_wheels() {
  local flavour=$1 size="0.6 GB to fetch, 1.3 GB on disk" deps=(--no-deps) version
  if wheels_installed "$flavour"; then
    return
  fi
  rm -f "$wheels_stamp"
  # Whatever an interrupted installation left behind is kept only if it is whole.
  "${venv_python[@]}" "$root/scripts/lib/intact_environment.py" >>"$log" 2>&1 || make_venv
  if [[ $flavour == cuda ]]; then
    size="3 GB to fetch, 5.5 GB on disk" deps=()
  fi
  version=$(sed -n 's/^torch==//p' "$root/third_party/libtorch.txt")
  run_step "installing LibTorch $version ($size)" \
    "${venv_python[@]}" -m pip install --no-input --disable-pip-version-check --no-compile \
    --progress-bar off --retries 2 "${deps[@]}" -r "$root/third_party/libtorch.txt" ||
    fail_step "installing LibTorch" \
      "Is a Python package index reachable? An unpacked LibTorch does as well: LOOPLINE_TORCH_ROOT=DIR"
  wheels_wanted "$flavour" >"$wheels_stamp.new"
  mv "$wheels_stamp.new" "$wheels_stamp"
}
