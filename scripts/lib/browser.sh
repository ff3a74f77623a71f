# shellcheck shell=bash
# Chromium for the tests of Home Assistant's pages. Sourced by scripts/test and scripts/screenshots.

# Install the distribution's Chromium unless there is one, where this account may install packages.
ensure_browser() {
  local name become=()
  for name in chromium chromium-browser google-chrome; do
    ! command -v "$name" >/dev/null || return 0
  done
  if ((EUID != 0)); then become=(sudo -n); fi
  if command -v apt-get >/dev/null && "${become[@]}" true 2>/dev/null; then
    echo "Installing Chromium from the distribution's packages; this takes a minute." >&2
    "${become[@]}" apt-get -qq update >/dev/null || true
    "${become[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get -qq install --no-install-recommends chromium fonts-noto-core >/dev/null && return
  fi
  echo "Error: Chromium is missing and could not be installed." >&2
  echo "Install it (Debian and Ubuntu: sudo apt-get install chromium fonts-noto-core) and run this again." >&2
  exit 1
}
