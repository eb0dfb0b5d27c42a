# shellcheck shell=bash disable=SC2016,SC2034,SC2154
# PostgreSQL that also speaks TLS, with a certificate for `localhost` and 127.0.0.1. Its URL names the authority's file.
source "$root/dev/engines/postgres.sh"
source "$root/dev/lib/tls.sh"
variable=TEST_POSTGRES_TLS_URL

tls_settings() { settings+=(-c ssl=on -c "ssl_cert_file=$1/server.pem" -c "ssl_key_file=$1/server.key"); }

# The key has to be the server's own there.
in_container() {
  local start='install -d -o postgres -m 700 /var/tls && install -o postgres -m 600 /tls/server.* /var/tls/ &&
    exec docker-entrypoint.sh "$0" "$@"'
  POSTGRES_PASSWORD=$(secret)
  export POSTGRES_PASSWORD
  tls_settings /var/tls
  launch=(-e POSTGRES_PASSWORD -v "$home/tls:/tls:ro" postgres:17 bash -c "$start" postgres "${settings[@]}")
}

prepare() {
  need_openssl
  certificate "$home/tls"
  in_docker || tls_settings "$home/tls"
}

url() { echo "postgres://postgres:$(secret)@127.0.0.1:$port/postgres?sslrootcert=$home/tls/ca.pem"; }
