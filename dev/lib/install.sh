# shellcheck shell=bash disable=SC2154
# Gets what a server ($name) needs on this machine: Debian packages (as root), a JDK, jars from Maven Central.
# What is there already is used, and no service of the system is started.

# debian PACKAGE…
debian() {
  command -v apt-get >/dev/null 2>&1 || die "$name needs $*" "install it with this system's packages, or start Docker"
  ((EUID == 0)) || die "$name needs $*" "\`sudo apt-get install $*\`, or start Docker"
  locked "$cache/lock" debian_install "$@"
}

# A package's own server must not start: dpkg asks policy-rc.d, which is there only as long as we install.
debian_install() {
  local policy=/usr/sbin/policy-rc.d log
  say "$name: installing $*"
  if [[ ! -e $policy ]]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  log=$(mktemp)
  {
    apt-get -o DPkg::Lock::Timeout=300 update &&
      DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -y --no-install-recommends install "$@"
  } </dev/null >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    die "$* could not be installed" "the lines above are the end of $log"
  }
  rm -f "$log"
}

# jdk_home : a JDK of 21 or newer, wherever it is.
jdk_home() {
  local home major on_path
  on_path=$(readlink -f "$(command -v java || true)" || true)
  for home in "${JAVA_HOME:-}" /usr/lib/jvm/* "${on_path%/bin/java}"; do
    [[ -x $home/bin/javac && -r $home/release ]] || continue
    major=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$home/release")
    if ((${major:-0} >= 21)); then
      echo "$home"
      return
    fi
  done
  die "$name needs a JDK of 21 or newer, and there is none in JAVA_HOME, /usr/lib/jvm or PATH" \
    "install one (https://adoptium.net; on Debian 13 \`apt-get install openjdk-21-jdk-headless\`), or start Docker"
}

# maven_jars POM : the folder with the jars that POM names. Its name holds the POM's checksum: a new POM, a new folder.
maven_jars() {
  local target
  target=$cache/engines/$name-$(cksum <"$1" | cut -d' ' -f1)
  [[ -d $target ]] || locked "$cache/lock" maven_download "$1" "$target"
  echo "$target"
}

# The folder gets its name when it is whole, so what was broken off is never taken for it.
maven_download() {
  local pom=$1 target=$2 partial=$2.partial
  [[ ! -d $target ]] || return 0
  command -v mvn >/dev/null 2>&1 || ((EUID != 0)) || debian_install maven
  need mvn "\`sudo apt-get install maven\`, or start Docker"
  say "$name: downloading its jars"
  rm -rf "$partial"
  mkdir -p "$partial"
  mvn -q -B -f "$pom" dependency:copy-dependencies -DoutputDirectory="$partial" </dev/null >"$target.log" 2>&1 || {
    tail -n 20 "$target.log" >&2
    die "Maven could not download the jars of $name" "is the network there? The lines above are the end of $target.log"
  }
  mv "$partial" "$target"
}
