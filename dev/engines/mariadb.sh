# shellcheck shell=bash disable=SC2034,SC2154
# MariaDB, fast rather than durable: a crash of the machine may cost the last second.
variable=TEST_MARIADB_URL
inner_port=3306
account=mysql

# It would speak TLS by itself from 11.4 on: mariadb-tls does.
settings=(--character-set-server=utf8mb4 --max-connections=200 --innodb-flush-log-at-trx-commit=0 --skip-ssl)

in_container() {
  MARIADB_ROOT_PASSWORD=$(secret)
  export MARIADB_ROOT_PASSWORD
  launch=(-e MARIADB_ROOT_PASSWORD -e MARIADB_DATABASE=prejoin mariadb:11.8 "${settings[@]}")
}

find_programs() {
  mariadb_folder || { debian mariadb-server && mariadb_folder; }
}

# The server itself is in an sbin folder, which is not in everybody's PATH.
mariadb_folder() {
  mariadbd=$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v mariadbd) &&
    bin=$(dirname "$(command -v mariadb-install-db)")
}

# The data folder gets its name when it is whole. What fails on a machine that is short of something for a moment is tried
# once more. The reason stands before many lines of advice.
make_data() {
  local log=$dir/log
  if [[ -d $home/data ]]; then return; fi
  for _ in first second; do
    rm -rf "$home/data.partial"
    # --force: also where `localhost` has no address
    if "${as[@]}" "$bin/mariadb-install-db" --no-defaults --force --skip-test-db \
      --datadir="$home/data.partial" --auth-root-authentication-method=normal >"$log" 2>&1; then
      mv "$home/data.partial" "$home/data"
      return
    fi
    { grep -E 'ERROR|rror:|[Ff]ailed|[Kk]illed|denied|No space' "$log" || head -n 20 "$log"; } | head -n 20 | cut -c1-300 >&2
    say "$name: mariadb-install-db failed"
  done
  die 'mariadb-install-db failed twice' "the lines above are from $log"
}

# Root's password is set at every start, before anyone can connect.
in_process() {
  make_data
  (
    umask 077
    printf '%s\n' 'CREATE DATABASE IF NOT EXISTS prejoin;' \
      "CREATE OR REPLACE USER root@'127.0.0.1' IDENTIFIED BY '$(secret)';" \
      "GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;" >"$home/init.sql"
  )
  [[ ${#as[@]} == 0 ]] || chown "$account:" "$home/init.sql"
  # The socket's path may have 107 bytes at most: relative to the data folder, it always has.
  launch=("$mariadbd" --no-defaults --datadir="$home/data" --init-file="$home/init.sql" --port="$port"
    --bind-address=127.0.0.1 --skip-name-resolve --socket=mariadb.sock --pid-file=mariadb.pid "${settings[@]}")
}

answers() {
  MYSQL_PWD=$(secret) client mariadb-admin --no-defaults --skip-ssl ping -s -h 127.0.0.1 -P "$(client_port)" -u root >/dev/null 2>&1
}

url() { echo "mysql://root:$(secret)@127.0.0.1:$port/prejoin"; }
