# Debian packages: what is missing, and installing it. Sourced after steps.sh.

build_packages=(g++ cmake ninja-build libyaml-cpp-dev libspdlog-dev libcli11-dev
  nlohmann-json3-dev libstb-dev libjpeg62-turbo-dev libutf8proc-dev
  libssl-dev)
test_packages=(libgtest-dev libgmock-dev libbenchmark-dev)
fuzz_packages=(clang libclang-rt-14-dev)
useful_packages=(ccache mold gnuplot-nox) # faster builds; the curves of reports
browser_packages=(chromium)               # a test opens a report in it
declare -A tool_of=([g++]=g++ [cmake]=cmake [ninja-build]=ninja [ccache]=ccache [mold]=mold
  [gnuplot-nox]=gnuplot [chromium]=chromium)

# A python3 that is in LibTorch's range and can make environments; empty when there is none.
find_python() {
  local candidate
  for candidate in python3 /usr/bin/python3 python3.{13,12,11,10,14}; do
    if "$candidate" -c 'if 1:
        import ensurepip, sys, venv
        sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))' >/dev/null 2>&1; then
      echo "$candidate"
      return
    fi
  done
}

# missing_packages NAME...: those that are not installed, a tool from elsewhere counting as installed.
missing_packages() {
  local installed name
  installed=" $(dpkg-query -W -f='${Package}=${db:Status-Status} ' "$@" 2>/dev/null || true)"
  for name in "$@"; do
    [[ $installed == *" $name=installed "* ]] && continue
    [[ -n ${tool_of[$name]:-} ]] && command -v "${tool_of[$name]}" >/dev/null && continue
    echo "$name"
  done
}

# The command that may install packages for this user; fails when there is none.
root_command() {
  if ((EUID == 0)); then
    root_prefix=()
  elif sudo -n true 2>/dev/null; then
    root_prefix=(sudo -n)
  elif [[ $1 == may_ask && -t 0 && -t 2 ]] && command -v sudo >/dev/null; then
    root_prefix=(sudo)
  else
    return 1
  fi
}

apt_get() {
  # A fresh machine often still runs its first unattended upgrade: wait for its lock.
  "${root_prefix[@]}" env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
    apt-get -y -o DPkg::Lock::Timeout=300 "$@" </dev/null >>"$log" 2>&1
}

# apt-get runs in the foreground: it ends cleanly on Ctrl-C by itself, and sudo may ask.
install_packages() {
  start_step "installing Debian packages: $*" apt-get install "$@"
  if [[ ${root_prefix[*]} == sudo ]]; then
    echo >&2
  fi
  if [[ -n $(dpkg --audit 2>/dev/null) ]]; then # an earlier installation was interrupted
    "${root_prefix[@]}" dpkg --configure -a </dev/null >>"$log" 2>&1 || true
  fi
  apt_get update || true # lists from before may do
  apt_get install --no-install-recommends "$@"
}

# ensure_packages TARGET: everything that building TARGET needs.
ensure_packages() {
  local required=("${build_packages[@]}") extra=("${useful_packages[@]}") missing wanted
  case $1 in
    all) required+=("${test_packages[@]}") extra+=("${browser_packages[@]}") ;;
    fuzz) required+=("${fuzz_packages[@]}") ;;
    *) extra+=("${test_packages[@]}") ;;
  esac
  if [[ $1 != fuzz && -z ${LOOPLINE_TORCH_ROOT:-} && ! -e $wheels_stamp ]]; then
    required+=(ca-certificates)
    [[ -n $(find_python) ]] || required+=(python3 python3-venv)
  fi
  if ! command -v dpkg-query >/dev/null; then
    ensure_tools "$1"
    return
  fi
  mapfile -t missing < <(missing_packages "${required[@]}")
  # What is merely useful comes along, but is no reason to start apt-get again and again.
  if ((${#missing[@]} == 0)) && [[ -e $build/build.ninja ]]; then
    return
  fi
  mapfile -t wanted < <(missing_packages "${required[@]}" "${extra[@]}")
  if ((${#wanted[@]} == 0)); then
    return
  fi
  local by_hand="apt-get install ${wanted[*]}" ask=may_ask
  ((${#missing[@]} > 0)) || ask=silently
  if command -v apt-get >/dev/null && root_command "$ask"; then
    install_packages "${wanted[@]}" || true
    mapfile -t missing < <(missing_packages "${missing[@]}")
    ((${#missing[@]} == 0)) || fail_step "installing packages" "Install by hand: $by_hand"
  elif ((${#missing[@]} > 0)); then
    fail "Debian packages are missing, and you may not install them. As root: $by_hand"
  fi
}

# Elsewhere than on Debian and its kin nothing is installed.
ensure_tools() {
  local tool tools=(g++ cmake ninja) missing=()
  [[ $1 != fuzz ]] || tools+=(clang++)
  for tool in "${tools[@]}"; do
    command -v "$tool" >/dev/null || missing+=("$tool")
  done
  ((${#missing[@]} == 0)) || fail "please install ${missing[*]} and the development files of" \
    "yaml-cpp, spdlog, CLI11, nlohmann-json, stb, libjpeg, utf8proc, OpenSSL and GoogleTest"
}
