# shellcheck shell=bash
# What a fresh Debian or Ubuntu machine needs to build Rollcall, packages and a toolchain; and the build.
# Sourced by ops/quickstart and ops/test. Asks for root only when a package is really missing.

# Ends the script with one line on standard error.
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# The C libraries that the build links; the servers of which `rollcall up` and the tests start private ones.
readonly base_packages=(libhiredis-dev libpq-dev libssl-dev redis-server postgresql)

# require_packages [EXTRA...]: installs what is missing of these and EXTRA. If nothing is, it touches nothing.
require_packages() {
  local missing=() package advice
  command -v dpkg-query >/dev/null ||
    die "this script installs packages on Debian and Ubuntu only: elsewhere install hiredis, libpq, Redis and Postgres yourself and run 'swift build -c release'"
  for package in "${base_packages[@]}" "$@"; do
    [[ "$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null)" == *" ok installed" ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0

  advice="have an administrator run: apt-get install ${missing[*]}"
  local as_root=()
  if ((EUID)); then
    command -v sudo >/dev/null || die "packages are missing, and there is no sudo: $advice"
    # Not `sudo -v`: it asks for a password even where NOPASSWD would let the command through.
    sudo true || die "packages are missing, and sudo refuses: $advice"
    as_root=(sudo --)
  fi
  printf '%s: installing %s\n' "${0##*/}" "${missing[*]}" >&2
  "${as_root[@]}" "$(dirname "${BASH_SOURCE[0]}")/install-packages" "${missing[@]}"
}

# The oldest Swift that Package.swift names, or a newer one.
require_swift() {
  local found='no swift'
  if [[ $(swift --version 2>/dev/null) =~ Swift\ version\ ([0-9]+)\.([0-9]+) ]]; then
    if ((BASH_REMATCH[1] * 1000 + BASH_REMATCH[2] >= 6002)); then return 0; fi
    found="Swift ${BASH_REMATCH[1]}.${BASH_REMATCH[2]}"
  fi
  die "$found in PATH: install Swift 6.2 or newer (https://www.swift.org/install/linux) or add its usr/bin to PATH"
}

# build_release ROOT: makes ROOT/.build/release/rollcall. The Swift runtime is inside, so that a copy of it
# runs on machines without a toolchain.
build_release() {
  swift build --package-path "$1" -c release --static-swift-stdlib --product rollcall
}
