# shellcheck shell=bash
# The results of several commands. Sourced by scripts/test --all.

summary=""
failures=0

# tried NAME COMMAND...: continues after a failure.
tried() {
  local name=$1 began=$SECONDS outcome=passed
  shift
  printf '== %s\n' "$name"
  "$@" || { outcome="FAILED (exit $?)" && failures=1; }
  summary+=$(printf '%-24s %-16s %4d min %2d s' "$name" "$outcome" $(((SECONDS - began) / 60)) $(((SECONDS - began) % 60)))$'\n'
}

exit_with_summary() {
  printf '== Summary\n%s' "$summary"
  exit "$failures"
}
