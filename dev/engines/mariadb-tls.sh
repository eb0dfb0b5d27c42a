# shellcheck shell=bash disable=SC2016,SC2034,SC2154
# MariaDB that also speaks TLS, with a certificate for `localhost` and 127.0.0.1. Its URL names the authority's file.
source "$root/dev/engines/mariadb.sh"
source "$root/dev/lib/tls.sh"
variable=TEST_MARIADB_TLS_URL

tls_settings() {
  settings=("${settings[@]/--skip-ssl/--ssl}" "--ssl-cert=$1/server.pem" "--ssl-key=$1/server.key")
}

# The key has to be readable for the server's account there.
in_container() {
  local start='install -d -o mysql -m 700 /var/tls && install -o mysql -m 600 /tls/server.* /var/tls/ &&
    exec docker-entrypoint.sh "$0" "$@"'
  MARIADB_ROOT_PASSWORD=$(secret)
  export MARIADB_ROOT_PASSWORD
  tls_settings /var/tls
  launch=(-e MARIADB_ROOT_PASSWORD -e MARIADB_DATABASE=prejoin -v "$home/tls:/tls:ro" mariadb:11.8
    bash -c "$start" mariadbd "${settings[@]}")
}

prepare() {
  need_openssl
  certificate "$home/tls"
  in_docker || tls_settings "$home/tls"
}

url() { echo "mysql://root:$(secret)@127.0.0.1:$port/prejoin?ssl-ca=$home/tls/ca.pem"; }
