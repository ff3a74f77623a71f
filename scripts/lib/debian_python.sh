# shellcheck shell=bash
# Python 3.14 from Debian's packages, for a machine that reaches a Debian mirror but not the rest of the internet.
# Sourced by scripts/setup.
#
# The packages and all that they depend on, the C library included, are unpacked into one folder. Nothing is installed,
# root is not needed, and apt's own state stays as it is.

# The suite that has Python 3.14. Its libraries are newer than the machine's, so they come along.
readonly debian_suite=forky

# debian_python FOLDER SCRATCH PATCHELF: makes FOLDER/usr/bin/python3.14, which runs at that place only.
debian_python() {
  local folder=$1 scratch=$2 patchelf=$3 mirror status=1
  command -v apt-get >/dev/null || { say "This is not a Debian machine: it has no apt-get." && return 1; }
  for mirror in $(debian_mirrors); do
    configure_apt "$scratch" "$mirror" && download_packages "$scratch" && unpack_packages "$scratch" "$folder" &&
      bind_python "$folder" "$patchelf" && status=0 && break
  done
  rm -rf "$scratch"
  return "$status"
}

# The addresses in apt's own configuration, in whichever form that is. Some may be other people's repositories: those
# have no such suite, or none that Debian signed.
debian_mirrors() {
  # shellcheck disable=SC2016 # apt fills this in
  apt-get indextargets --no-release-info --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' |
    awk '!seen[$0]++'
}

# An apt of our own: the machine's proxies and credentials hold, its sources, state and hooks do not. Signatures are
# verified whatever the machine's settings say, with Debian's keyring, or without one by the keys that apt trusts here.
configure_apt() {
  local scratch=$1 mirror=$2 keyring
  rm -rf "$scratch" && mkdir -p "$scratch/lists/partial" "$scratch/archives/partial" && : >"$scratch/status" || return
  keyring=$(compgen -G '/usr/share/keyrings/debian-archive-keyring.[gp]*' | head -n 1)
  printf 'deb %s %s %s main\n' "${keyring:+[signed-by=$keyring]}" "$mirror" "$debian_suite" >"$scratch/sources.list"
  cat >"$scratch/apt.conf" <<END
Dir::State "$scratch";
Dir::State::lists "$scratch/lists";
Dir::State::status "$scratch/status";
Dir::Cache "$scratch";
Dir::Cache::archives "$scratch/archives";
Dir::Log "$scratch";
Dir::Etc::sourcelist "$scratch/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
Acquire::AllowDowngradeToInsecureRepositories "false";
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
APT::Get::AllowUnauthenticated "false";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
END
}

# With an empty list of installed packages apt works out all that are needed, down to the C library. libstdc++ is for
# the compiled parts of Python packages.
download_packages() {
  apt-get --config-file "$1/apt.conf" update &&
    apt-get --config-file "$1/apt.conf" install --download-only --yes --no-install-recommends python3.14 libstdc++6
}

unpack_packages() {
  local package
  for package in "$1"/archives/*.deb; do
    dpkg --extract "$package" "$2" || return
  done
}

# Python is told to start with this folder's loader and to look for libraries here first. As an RPATH, not a RUNPATH,
# that also holds for what its extensions and libraries load in turn, so nothing else needs a change.
bind_python() {
  local folder=$1 patchelf=$2 python=$1/usr/bin/python3.14 loader
  loader=$(basename "$("$patchelf" --print-interpreter "$python")") &&
    loader=$(find "$folder/usr/lib" -type f -name "$loader" | grep .) &&
    "$patchelf" --set-interpreter "$loader" --force-rpath --set-rpath "$(dirname "$loader")" "$python" &&
    "$python" -m compileall -q -j 0 "$folder/usr/lib/python3.14"
}
