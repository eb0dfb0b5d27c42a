# shellcheck shell=bash
# One detached process per folder: DIR/pid says which (with its birth, since the system uses numbers again), DIR/log
# what it said. A process that was not started here is never touched.

# process_birth PID : when that process began, in the system's own terms; nothing if it is gone.
process_birth() {
  local line fields
  if [[ -d /proc/self ]]; then
    line=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    read -ra fields <<<"${line##*) }"
    [[ ${fields[0]} == Z ]] || echo "${fields[19]}"
  else
    ps -o lstart= -p "$1" || true
  fi
}

# process_id DIR : the number of that folder's living process; fails if there is none.
process_id() {
  local pid birth
  [[ -s $1/pid ]] && read -r pid birth <"$1/pid" || return 1
  [[ -n $birth && $(process_birth "$pid") == "$birth" ]] && echo "$pid"
}

# process_start DIR COMMAND… : returns at once. The command keeps no terminal, pipe or lock of ours.
process_start() {
  local dir=$1 detach=env pid
  shift
  ! command -v setsid >/dev/null 2>&1 || detach=setsid
  (cd / && exec "$detach" "$@") </dev/null >"$dir/log" 2>&1 9>&- &
  pid=$!
  echo "$pid $(process_birth "$pid")" >"$dir/pid"
}

# process_stop DIR SIGNAL : returns when it is gone; whoever needs more than 30 s is killed.
process_stop() {
  local dir=$1 signal=$2 pid deadline=$((SECONDS + 30))
  if pid=$(process_id "$dir"); then
    kill -s "$signal" "$pid" 2>/dev/null || true
    while process_id "$dir" >/dev/null; do
      ((SECONDS < deadline)) || kill -s KILL "$pid" 2>/dev/null || true
      sleep 0.1
    done
  fi
  rm -f "$dir/pid"
}

# await SECONDS ALIVE READY : until READY succeeds; fails when ALIVE does not any more, or time is up.
await() {
  local deadline=$((SECONDS + $1))
  until "$3"; do
    "$2" && ((SECONDS < deadline)) || return 1
    sleep 0.2
  done
}

# free_port : one that the system gives.
free_port() {
  perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1)->sockport'
}

# port_taken PORT : somebody listens there.
port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
