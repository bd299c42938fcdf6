# run_ctest BUILD_DIRECTORY [CTEST ARGUMENTS]: runs the tests there, prints the plain summary line
# last and returns ctest's status. Leaves the counts in $tests_passed, $tests_failed, $tests_skipped.
run_ctest() {
  local directory=$1 results=$1/test-results.xml code=0 suite
  shift
  rm -f "$results"
  # Tests run with one thread each, so a test a core.
  ctest --test-dir "$directory" -j "$(nproc)" --output-on-failure --no-tests=error \
    --output-junit "$results" "$@" || code=$?
  [[ -f $results ]] || return "$code" # asked for something else, say a listing
  suite=$(tr '\n\t' '  ' <"$results" | grep -oE '<testsuite [^>]*>' | head -n 1)
  tests_failed=$(junit_count failures "$suite")
  tests_skipped=$(($(junit_count skipped "$suite") + $(junit_count disabled "$suite")))
  tests_passed=$(($(junit_count tests "$suite") - tests_failed - tests_skipped))
  echo "$tests_passed passed, $tests_failed failed, $tests_skipped skipped"
  return "$code"
}

junit_count() {
  sed -nE "s/.* $1=\"([0-9]+)\".*/\1/p" <<<"$2"
}
