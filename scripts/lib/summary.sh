# shellcheck shell=bash
# The results of several commands. Sourced by scripts/test --all.

summary=""
failures=0

# pinned FILE: the release of Home Assistant in a requirements file.
pinned() {
  printf 'Home Assistant %s' "$(sed -n 's/^homeassistant==//p' "$1")"
}

# tried NAME COMMAND...: continues after a failure.
tried() {
  local name=$1 began=$SECONDS outcome=passed
  shift
  printf '== %s\n' "$name"
  "$@" || { outcome="FAILED (exit $?)" && failures=1; }
  summary+=$(printf '%s: %s in %d min %d s' "$name" "$outcome" $(((SECONDS - began) / 60)) $(((SECONDS - began) % 60)))$'\n'
}

exit_with_summary() {
  printf '== Summary\n%s' "$summary"
  exit "$failures"
}
