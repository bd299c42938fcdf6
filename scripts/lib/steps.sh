# Long steps, one status line each, their output in the log. Sourced; needs $root, $log.

if [[ -t 2 && ${TERM:-dumb} != dumb ]]; then on_terminal=1; else on_terminal=; fi
step_pid=
ticker_pid=

# On a terminal a status line is replaced by the next one and erased at the end.
say() {
  if [[ -n $on_terminal ]]; then
    local line="loopline: $*" width
    width=$(tput cols 2>/dev/null || echo 80)
    printf '\r\033[K%s' "${line:0:width-1}" >&2
  else
    printf 'loopline: %s\n' "$*" >&2
  fi
}

clear_status() {
  [[ -z $on_terminal ]] || printf '\r\033[K' >&2
}

fail() {
  clear_status
  printf 'loopline: %s\n' "$*" >&2
  exit 1
}

# The line of the log's end (from byte $1 on) that most likely tells what went wrong.
failure_excerpt() {
  local text found
  text=$(tail -c "+$(($1 + 1))" "$log" | tr -d '\0' | grep -v '^[[:space:]]*$' || true)
  found=$(grep -m1 -A2 '^CMake Error' <<<"$text" ||
    grep -m1 -E 'No space left|(^|[ :])(fatal )?error: |^ld: |^mold: ' <<<"$text" ||
    grep -E '^(E|ERROR|Error): ' <<<"$text" | tail -n 1 ||
    tail -n 2 <<<"$text")
  tr -s '\n\t ' ' ' <<<"${found//"$root/"/}" | cut -c 1-300 | sed 's/ *$//'
}

# While a step runs, behind its message: ninja's counter, if there is one, and the time.
tick() {
  local message=$1 step=$2 parent=$3 start=$SECONDS counter
  while sleep 1 && kill -0 "$step" 2>/dev/null && kill -0 "$parent" 2>/dev/null; do
    counter=$(tail -c "+$((step_start + 1))" "$log" | tail -c 2000 | tr -d '\0' |
      grep -oE '^\[[0-9]+/[0-9]+\] (Building|Linking)' | tail -n 1 | grep -oE '[0-9]+/[0-9]+' || true)
    say "$message, ${counter:+$counter, }$((SECONDS - start)) s"
  done
}

stop_step() {
  local pid=$step_pid
  step_pid=
  [[ -z $ticker_pid ]] || kill "$ticker_pid" 2>/dev/null || true
  [[ -n $pid ]] || return 0
  # The step leads its own session, so this reaches all its children.
  kill -TERM -- "-$pid" 2>/dev/null || kill -TERM "$pid" 2>/dev/null || true
  for _ in {1..50}; do
    kill -0 -- "-$pid" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL -- "-$pid" 2>/dev/null || true
}

on_signal() {
  trap '' INT TERM HUP
  stop_step
  clear_status
  echo "loopline: stopped while setting up; the same command goes on from here" >&2
  trap - "$1"
  kill "-$1" "$BASHPID"
}

# run_step MESSAGE COMMAND...: returns the command's exit status.
run_step() {
  local message=$1 code=0
  shift
  start_step "$message" "$@"
  setsid "$@" >>"$log" 2>&1 </dev/null &
  step_pid=$!
  if [[ -n $on_terminal ]]; then
    tick "$message" "$step_pid" "$$" {lock}>&- &
    ticker_pid=$!
  fi
  wait "$step_pid" || code=$?
  step_pid=
  if [[ -n $ticker_pid ]]; then
    kill "$ticker_pid" 2>/dev/null || true
    wait "$ticker_pid" 2>/dev/null || true
    ticker_pid=
  fi
  return "$code"
}

start_step() {
  say "$1"
  printf '\n== %s\n+ %s\n' "$1" "${*:2}" >>"$log"
  step_start=$(stat -c %s "$log")
}

# fail_step WHAT [WHAT TO DO]: after a step that returned an error.
fail_step() {
  fail "$1 failed: $(failure_excerpt "$step_start")${2:+. $2} (log: $log)"
}
