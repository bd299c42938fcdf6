# The Python packages of the tests, in the environment .deps/test_env. Sourced after packages.sh.
# Nothing depends on it but tests that skip themselves without it, so its failures are notes.

test_env=$root/.deps/test_env
test_env_stamp=$test_env/.complete # written last: without it the environment is made anew
test_requirements=$root/tests/requirements.txt

test_env_wanted() { sha256sum <"$test_requirements"; }

install_test_env() {
  local python
  python=$(find_python)
  [[ -n $python ]] || return 1
  run_step "making a Python environment for the tests" "$python" -m venv --clear "$test_env" ||
    return 1
  run_step "installing the tests' Python packages (25 MB to fetch, 95 MB on disk)" \
    env -u PYTHONHOME -u PYTHONPATH -u PIP_TARGET -u PIP_PREFIX -u PIP_ROOT PIP_USER=0 \
    "$test_env/bin/python" -m pip install --no-input --disable-pip-version-check --no-compile \
    --progress-bar off --retries 1 --no-deps -r "$test_requirements"
}

ensure_test_env() {
  if [[ -x $test_env/bin/python && "$(cat "$test_env_stamp" 2>/dev/null)" == "$(test_env_wanted)" ]]; then
    return
  fi
  rm -f "$test_env_stamp"
  if install_test_env; then
    test_env_wanted >"$test_env_stamp.new"
    mv "$test_env_stamp.new" "$test_env_stamp"
  else
    clear_status
    echo "loopline: the tests' Python packages could not be installed: tests that need them" \
      "will be skipped (log: $log)" >&2
  fi
}
