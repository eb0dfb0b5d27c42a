# shellcheck shell=bash
# The life of one server: a container where Docker answers, else a process of this machine.
# dev/engines/NAME.sh tells what differs:
#   variable                  the variable that carries its URL
#   inner_port                its port inside a container
#   account                   the system account it runs as when we are root (empty: ours)
#   stop_signal               ends it soon but clean
#   in_container              sets launch[], what `docker run` needs to know: options, official image, arguments
#   find_programs             installs what is missing on this machine
#   prepare                   makes in $home what it needs either way (nothing, if it is not there)
#   in_process                makes its data in $home; sets launch[], the command that serves it on $port
#   answers, url              does it take requests; its URL
# State is in .dev/NAME/: pid, port, log, `container` if it is one, and home, which holds all that the server writes.
# shellcheck disable=SC2034,SC2154,SC2317

source "$root/dev/lib/process.sh"
source "$root/dev/lib/install.sh"

server_names() { (cd "$root/dev/engines" && printf '%s\n' *.sh | sed 's/\.sh$//'); }

# server_load NAME : the functions below are about this one from here on; use a subshell for each server.
server_load() {
  name=$1 dir=$state/$1 account='' stop_signal=TERM launch=() as=()
  prepare() { :; }
  [[ -r $root/dev/engines/$name.sh ]] || die "there is no server $name" "there are: $(server_names | xargs)"
  # shellcheck disable=SC1090
  source "$root/dev/engines/$name.sh"
  container=prejoin-$name-$(cksum <<<"$root" | cut -d' ' -f1)
}

in_docker() { [[ -e $dir/container ]]; }

# servers_at NAME… : sets the variables of these servers; those whose variable is empty are started.
servers_at() {
  local name urls missing=()
  for name in "$@"; do
    [[ -n $(server_load "$name" && echo "${!variable:-}") ]] || missing+=("$name")
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0
  urls=$("$root/dev/up" "${missing[@]}")
  eval "$urls"
}

server_running() {
  if in_docker; then
    [[ $(docker container inspect -f '{{.State.Running}}' "$container" 2>/dev/null) == true ]]
  else
    process_id "$dir" >/dev/null
  fi
}

# server_up : starts it unless it runs, waits until it answers, prints its export line. Callers take turns.
server_up() { locked "$dir.lock" server_ensure; }

server_ensure() {
  local begun=$SECONDS
  need curl "install it with this system's packages"
  mkdir -p "$dir"
  server_running || in_docker || ! timeout 20 docker info >/dev/null 2>&1 || : >"$dir/container"
  if in_docker; then ensure_container; else ensure_process; fi
  if ! await 180 server_running answers; then
    server_log | tail -n 20 | cut -c1-300 >&2
    die "$name does not answer on port $port; above is the end of its log" \
      "\`dev/down --purge $name\` removes it and its data; then try again"
  fi
  ((SECONDS - begun < 2)) || say "$name: ready after $((SECONDS - begun)) s"
  printf 'export %s=%q\n' "$variable" "$(url)"
}

ensure_process() {
  [[ $(uname -s) == Linux ]] || die "no Docker daemon answers; on this system $name needs one" "start Docker"
  find_programs
  if [[ -n $account ]] && ((EUID == 0)); then
    as=(setpriv --reuid="$account" --regid="$(id -gn "$account")" --init-groups --)
  fi
  server_home
  port=$(cat "$dir/port" 2>/dev/null || true)
  if server_running; then return; fi
  if [[ -z $port ]] || port_taken "$port"; then port=$(free_port); fi
  echo "$port" >"$dir/port"
  say "$name: starting on port $port"
  prepare
  in_process
  process_start "$dir" "${as[@]}" "${launch[@]}"
}

# The server's own folder. Its account may not get into this clone (under /root, say): then home is a link out of it.
server_home() {
  home=$dir/home
  if [[ ! -d $home ]]; then
    rm -f "$home"
    mkdir -m 700 "$home"
    [[ ${#as[@]} == 0 ]] || chown "$account:" "$home"
    if ! "${as[@]}" test -w "$home" 2>/dev/null; then
      rmdir "$home"
      ln -s "$(mktemp -d "/var/tmp/prejoin-$name.XXXXXX")" "$home"
      chown "$account:" "$home/"
    fi
  fi
  home=$(readlink -f "$home")
}

ensure_container() {
  home=$dir/home
  mkdir -p "$home"
  if ! docker container inspect "$container" >/dev/null 2>&1; then
    say "$name: making its container"
    prepare
    in_container
    docker run -d --name "$container" -p "127.0.0.1::$inner_port" "${launch[@]}" >/dev/null || {
      docker rm -f -v "$container" >/dev/null 2>&1 || true
      rm "$dir/container"
      die "Docker could not run $name" 'what it said is above'
    }
  elif ! server_running; then
    say "$name: starting its container"
    docker start "$container" >/dev/null
  fi
  port=$(docker port "$container" "$inner_port/tcp" | sed -n '1s/.*://p')
}

# server_pid : the number of its first process, as this machine counts; all its others are below it.
server_pid() {
  if in_docker; then docker container inspect -f '{{.State.Pid}}' "$container"; else process_id "$dir"; fi
}

# server_version PROGRAM : what that program of the server says of its version.
server_version() {
  in_docker || find_programs
  client "$1" --version
}

server_log() { if in_docker; then docker logs "$container" 2>&1; else cat "$dir/log"; fi; }

# client PROGRAM ARGUMENT… : run where the server is, in its container or from this machine's $bin.
# client_port : the server's port as seen from there.
client() { if in_docker; then docker exec "$container" "$@"; else "$bin/$1" "${@:2}"; fi; }
client_port() { if in_docker; then echo "$inner_port"; else echo "$port"; fi; }

# secret : the password of this server, made once and kept with its data.
secret() {
  local file=$home/password
  [[ -s $file ]] || (umask 077 && od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$file")
  cat "$file"
}

# server_down [--purge] : ends it if we started it; with --purge its data goes too.
server_down() { locked "$dir.lock" server_end "$@"; }

server_end() {
  if server_running; then
    say "$name: stopping"
    if in_docker; then docker stop -t 30 "$container" >/dev/null; else process_stop "$dir" "$stop_signal"; fi
  fi
  [[ ${1:-} == --purge ]] || return 0
  if in_docker; then docker rm -f -v "$container" >/dev/null 2>&1 || true; fi
  [[ ! -L $dir/home ]] || rm -rf "$(readlink -f "$dir/home")"
  rm -rf "$dir"
}
