# shellcheck shell=bash disable=SC2034,SC2154
# PostgreSQL, fast rather than durable: a crash of the machine may cost the data.
variable=TEST_POSTGRES_URL
inner_port=5432
account=postgres
stop_signal=INT # TERM would wait for every client

# What it logs is enough for readers of its changes: pgsync, which dev/bench measures, is one.
settings=(-c max_connections=200 -c max_prepared_transactions=20 -c wal_level=logical
  -c fsync=off -c synchronous_commit=off -c full_page_writes=off)

in_container() {
  POSTGRES_PASSWORD=$(secret)
  export POSTGRES_PASSWORD
  launch=(-e POSTGRES_PASSWORD postgres:17 "${settings[@]}")
}

find_programs() {
  postgres_folder || { debian postgresql && postgres_folder; }
}

# Debian keeps the server's programs out of PATH, a folder for each version: take the newest.
postgres_folder() {
  bin=$(find /usr/lib/postgresql/*/bin -name initdb 2>/dev/null | sort -V | tail -n 1)
  bin=$(dirname "${bin:-$(command -v initdb)}")
  [[ -x $bin/initdb && -x $bin/postgres ]]
}

# The cluster gets its name when it is whole.
in_process() {
  local pid
  if [[ ! -d $home/cluster ]]; then
    secret >/dev/null
    [[ ${#as[@]} == 0 ]] || chown "$account:" "$home/password"
    rm -rf "$home/cluster.partial"
    "${as[@]}" "$bin/initdb" --no-sync -U postgres -A scram-sha-256 --pwfile="$home/password" \
      -E UTF8 --locale=C.UTF-8 -D "$home/cluster.partial" >"$dir/log" 2>&1 || {
      tail -n 20 "$dir/log" >&2
      die "initdb failed"
    }
    mv "$home/cluster.partial" "$home/cluster"
  fi
  # It takes a killed server that nobody has reaped yet for a living one.
  pid=$(head -n 1 "$home/cluster/postmaster.pid" 2>/dev/null || true)
  [[ -z $pid || -n $(process_birth "$pid") ]] || rm "$home/cluster/postmaster.pid"
  launch=("$bin/postgres" -D "$home/cluster" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories=
    "${settings[@]}")
}

answers() { client pg_isready -q -h 127.0.0.1 -p "$(client_port)"; }

url() { echo "postgres://postgres:$(secret)@127.0.0.1:$port/postgres"; }
