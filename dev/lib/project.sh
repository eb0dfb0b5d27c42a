# shellcheck shell=bash
# What every script here needs: where things are, how to speak, how to fail. Sourced, never run.
# Words for people go to stderr; stdout is kept for data.
set -euo pipefail
shopt -s inherit_errexit 2>/dev/null || true # bash before 4.4 lacks it

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
# What runs for this clone (ignored by git), and downloads and builds that all clones share.
# shellcheck disable=SC2034
state=$root/.dev cache=${XDG_CACHE_HOME:-$HOME/.cache}/prejoin

say() { printf '%s\n' "$*" >&2; }

# die MESSAGE [HINT]
die() {
  say "error: $1"
  [[ -z ${2:-} ]] || printf '\nhint: %s\n' "$2" >&2
  exit 1
}

# need COMMAND HINT
need() { command -v "$1" >/dev/null 2>&1 || die "\`$1\` is not installed" "$2"; }

# locked FILE COMMAND… : one caller at a time, where the system has `flock`.
locked() {
  local lock=$1
  shift
  mkdir -p "$(dirname "$lock")"
  (
    if command -v flock >/dev/null 2>&1; then
      exec 9>"$lock"
      flock 9
    fi
    "$@"
  )
}
