#!/bin/bash
# Install Hearth: as a public server, or to try it in this folder. Needs Debian 12 or Ubuntu 24.04
# (or newer; to try it, anything that already has Python 3.11 with venv), bash, and root or sudo.
# Read from a pipe it fetches the release named here and goes on with that:
#   curl … | sudo bash -s -- --hostname pds.example.com
set -euo pipefail

# Where a release is, and the digest that is expected of it: https://…/hearth.tar.gz#sha256=<64 hex>
readonly release=${HEARTH_RELEASE:-}

usage() {
  cat <<'TEXT'
Usage: ./install.sh VERB

  local   prepare this folder and start the server in the foreground, at http://localhost:2583
          Ctrl-C stops it. Data is kept in ./data. Settings: PDS_* in the environment, see
          docs/configuration.md; for example: PDS_PORT=2683 ./install.sh local
  test    prepare this folder and run every check; as root on Debian also installs what some tests
          need, if it is absent: chromium, shellcheck
  server  install a public server on this machine, or update it; asks for what it needs to know.
          What it can be told beforehand: ./install.sh server --help

All may be repeated: what is already there is not done again.
TEXT
}

# Where this script is; nowhere when it comes through a pipe.
if [[ -n ${BASH_SOURCE[0]:-} && -f ${BASH_SOURCE[0]} ]]; then
  here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
else
  here=
fi
readonly here
readonly venv=$here/.venv
readonly at_least='sys.version_info >= (3, 11)'

say() { printf '==> %s\n' "$*"; }
fail() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}

# Run a command as root: directly, or through sudo.
as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "root is needed for: $*. Run that as root, then start this again."
  fi
}

# Print the name of a Python that is new enough and can make virtual environments.
find_python() {
  local candidate
  for candidate in python3 python3.11 python3.12 python3.13 python3.14; do
    if "$candidate" -c "import sys, ensurepip, venv; sys.exit(not ($at_least))" 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  return 1
}

install_python() {
  command -v apt-get >/dev/null ||
    fail "Python 3.11 or newer with its venv module is needed. Install it, then start this again."
  say "Installing Python (apt)"
  export DEBIAN_FRONTEND=noninteractive
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
  as_root "${apt[@]}" update
  as_root "${apt[@]}" install -y --no-install-recommends python3 python3-venv
  find_python >/dev/null ||
    fail "this system offers $(python3 --version 2>&1), but Python 3.11 or newer is needed (Debian 12, Ubuntu 24.04)."
}

# What some tests need and are skipped without: Chromium to open pages in, shellcheck. Only root is
# asked to fetch it, from Debian's own packages, and nothing waits for it longer than five minutes.
# (The tests that install on a machine of their own need debootstrap; it is left to who wants them.)
offer_test_tools() {
  local left=()
  command -v shellcheck >/dev/null || left+=(shellcheck)
  { command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null ||
    left+=(chromium)
  ((${#left[@]})) || return 0
  if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
    say "Without ${left[*]} the tests that need it will be skipped (Debian: apt-get install ${left[*]})"
    return 0
  fi
  say "Installing ${left[*]} (apt)"
  # shellcheck disable=SC2016 # for the shell inside
  timeout 300 bash -c '
    apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=60)
    "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "$@"' bash "${left[@]}" ||
    say "${left[*]} could not be installed: the tests that need it will be skipped"
}

# Under sudo, go on as the owner of the folder: nothing below needs root, and the files it makes
# should belong to the person who starts the server next time without sudo.
drop_root() {
  local owner
  owner=$(stat -c %U "$here")
  if ((EUID == 0)) && [[ -n ${SUDO_UID:-} && $owner != root ]] && id "$owner" >/dev/null 2>&1; then
    say "Going on as $owner"
    exec runuser -u "$owner" -- env -u SUDO_UID HOME="$(getent passwd "$owner" | cut -d: -f6)" \
      "$here/install.sh" "$verb"
  fi
}

# The packages that verb $1 needs, one requirement per line.
wanted_packages() {
  cat "$here/requirements.txt"
  [[ $1 == test ]] || return 0
  dev_packages
}

dev_packages() {
  "$venv/bin/python" - "$here/pyproject.toml" <<'PYTHON'
import pathlib, sys, tomllib
text = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
print("\n".join(tomllib.loads(text)["dependency-groups"]["dev"]))
PYTHON
}

# What .venv holds when the packages of verb $1 are installed: a digest of pins and Python.
stamp_of() {
  { wanted_packages "$1" && "$venv/bin/python" -VV; } | sha256sum | cut -d' ' -f1
}

pip_install() {
  "$venv/bin/python" -m pip install --disable-pip-version-check --no-input "$@" ||
    fail "the packages could not be installed; the lines above say why."
}

install_packages() {
  say "Installing packages into .venv (a minute or two the first time)"
  rm -f "$venv"/.packages-*
  pip_install --no-deps -r "$here/requirements.txt"
  if [[ $verb == test ]]; then
    dev_packages >"$venv/packages.txt"
    pip_install -r "$venv/packages.txt"
  fi
  stamp_of "$verb" >"$venv/.packages-$verb"
  [[ $verb == local ]] || stamp_of local >"$venv/.packages-local" # test needs those of local too
}

# Make .venv and bring its packages to what is pinned; a stamp of the pins makes the repeat quick.
prepare_venv() {
  [[ -w $here ]] || fail "$(id -un) may not write to $here; give the folder to that user or use another."
  exec 9<"$here" # a lock without a file: two starts at once take turns
  if command -v flock >/dev/null && ! flock -n 9; then
    say "Waiting for another install.sh to finish"
    flock 9
  fi
  if ! "$venv/bin/python" -c "import sys, pip; sys.exit(not ($at_least))" 2>/dev/null; then
    say "Making the virtual environment .venv"
    rm -rf "$venv"
    "$(find_python)" -m venv "$venv"
  fi
  local stamp=$venv/.packages-$verb
  if [[ ! -f $stamp || $(<"$stamp") != "$(stamp_of "$verb")" ]]; then
    install_packages
  fi
  exec 9<&- # the server must not hold the lock
}

# Fetch the release, check it, and go on with the script in it. Arguments: those for that script.
run_release() {
  [[ -n $release ]] || fail "this script comes without the program. Set HEARTH_RELEASE to the address of a release,
  like https://example.org/hearth.tar.gz#sha256=<its digest>, or start it in a checkout: ./install.sh server"
  [[ $release =~ ^(https://[^#[:space:]]+)#sha256=([0-9a-f]{64})$ ]] ||
    fail "HEARTH_RELEASE is not an https address with #sha256= and 64 hexadecimal digits after it."
  local url=${BASH_REMATCH[1]} digest=${BASH_REMATCH[2]}
  command -v curl >/dev/null || fail "curl is needed to fetch the program: apt-get install curl"
  folder=$(mktemp -d -t hearth-install-XXXXXXXX) || fail "there is no room for a folder in ${TMPDIR:-/tmp}; make some first."
  trap 'rm -rf "$folder"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  say "Fetching $url"
  fetch "$url" "$folder/hearth.tar.gz"
  sha256sum --status --check <<<"$digest  $folder/hearth.tar.gz" ||
    fail "what came from $url is not what was expected (sha256 $digest), or not all of it; nothing was done with it. Start this again;
  if it stays so, get a new install.sh from where you had this one."
  mkdir "$folder/hearth"
  # What has the right digest was made by who made this script: it is trusted as this script is.
  tar -xzf "$folder/hearth.tar.gz" -C "$folder/hearth" --strip-components=1 --no-same-owner ||
    fail "the release could not be unpacked in ${TMPDIR:-/tmp}; see above, and make room there."
  local answers=/dev/null # the pipe brings this script; answers come from the terminal, if there is one
  if [[ -t 1 || -t 2 ]] && (: </dev/tty) 2>/dev/null; then answers=/dev/tty; fi
  "$folder/hearth/install.sh" server "$@" <"$answers"
}

# fetch URL FILE: over HTTPS only, also after redirects. A server that stalls is left after a while.
fetch() {
  local status=0 progress=--silent
  [[ ! -t 2 ]] || progress=--progress-bar
  curl --fail --show-error --location --proto '=https' --connect-timeout 20 --speed-limit 100 --speed-time 30 \
    "$progress" --output "$2" "$1" || status=$?
  case $status in
    0) ;;
    1) fail "$1 leads to an address without TLS; nothing was fetched from there." ;;
    23) fail "there is no room in ${TMPDIR:-/tmp} for the release; make some, or name another folder: TMPDIR=…" ;;
    28) fail "$1 sends nothing; try again later." ;;
    60) fail "the certificate of $1 is not to be trusted; is the clock right?" ;;
    *) fail "$1 could not be fetched, see above; try again later." ;;
  esac
}

# Install or update a public server, or remove it: see deploy/main.sh.
run_server() {
  if [[ -z $here || ! -f $here/deploy/main.sh ]]; then
    run_release "$@"
  else
    # shellcheck source=deploy/main.sh
    source "$here/deploy/main.sh"
    server_main "$@"
  fi
}

main() {
  local first=${1-}
  case $first in
    -h | --help | help)
      usage
      return
      ;;
    server)
      shift
      run_server "$@"
      return
      ;;
    --*)
      run_server "$@"
      return
      ;;
  esac
  if [[ -z $first && -z $here ]]; then
    run_server
    return
  fi
  if (($# != 1)) || [[ $first != local && $first != test ]]; then
    usage >&2
    exit 2
  fi
  [[ -n $here ]] || fail "\"$first\" works in a checkout: git clone <address of the repository>, then ./install.sh $first there"
  readonly verb=$first
  find_python >/dev/null || install_python
  [[ $verb != test ]] || offer_test_tools
  drop_root
  prepare_venv
  cd "$here"
  if [[ $verb == test ]]; then
    exec tests/check.sh
  fi
  say "Starting the server (Ctrl-C stops it)"
  exec .venv/bin/python app.py
}

{ main "$@"; } # of a script that arrives cut off nothing is run: what is here is run when the brace is closed
