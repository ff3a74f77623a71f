# shellcheck shell=bash
# Saying what happens: one plain line per step, with dots while it lasts. Sourced by scripts/setup, which sets log (the
# file for the words of the commands) and holds its lock on descriptor 9.

dots=
step_failed=false

say() {
  printf '%s\n' "$*"
}

# fail WHAT ADVICE: shows what the last step's command said, too, if that failed.
fail() {
  # shellcheck disable=SC2154 # log is set by scripts/setup
  ! $step_failed || { say && tail -n 15 "$log" | sed 's/^/    /' && say; }
  say "Error: $1"
  say "$2"
  exit 1
}

# step WHAT COMMAND...: gives back the command's status.
step() {
  local status=0 started=$SECONDS
  printf '%s ...' "$1"
  start_dots
  "${@:2}" >"$log" 2>&1 </dev/null || status=$?
  stop_dots
  if ((status == 0)); then
    step_failed=false
    say " done ($((SECONDS - started)) s)"
  else
    step_failed=true
    say " failed"
  fi
  return "$status"
}

# Without the lock, and no longer than we live, should we be killed.
start_dots() {
  while sleep 2 >/dev/null 2>&1 && kill -0 $$; do printf .; done 2>/dev/null 9>&- &
  dots=$!
}

stop_dots() {
  [[ -z $dots ]] || { kill "$dots" && wait "$dots"; } 2>/dev/null || true
  dots=
}
