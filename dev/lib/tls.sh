# shellcheck shell=bash disable=SC2154
# A certificate for a server ($name) that speaks TLS, and the authority that signed it. For tests: nothing else trusts it.

need_openssl() { command -v openssl >/dev/null 2>&1 || debian openssl; }

# certificate FOLDER : puts ca.pem, server.pem and server.key there, unless they are there.
# The authority's own key is thrown away: it signs this one certificate.
certificate() {
  local partial=$1.partial
  [[ ! -d $1 ]] || return 0
  rm -rf "$partial"
  mkdir -m 755 "$partial"
  (cd "$partial" && umask 077 && certificate_here) >"$dir/log" 2>&1 || {
    tail -n 20 "$dir/log" >&2
    die "openssl could not make a certificate for $name"
  }
  [[ ${#as[@]} == 0 ]] || chown -R "$account:" "$partial"
  mv "$partial" "$1"
}

# The settings are written out: those of a system differ from the next one's.
certificate_here() {
  local new=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -config settings)
  printf '%s\n' '[req]' 'distinguished_name = name' '[name]' '[authority]' 'basicConstraints = critical, CA:true' \
    'keyUsage = critical, keyCertSign' '[server]' 'subjectAltName = DNS:localhost, IP:127.0.0.1' >settings &&
    openssl req -x509 "${new[@]}" -extensions authority -days 3650 -subj "/CN=authority of $name" \
      -keyout ca.key -out ca.pem &&
    openssl req "${new[@]}" -subj /CN=localhost -keyout server.key -out server.csr &&
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -set_serial 1 -days 3650 \
      -extfile settings -extensions server -out server.pem &&
    rm ca.key server.csr settings &&
    chmod 644 ca.pem server.pem
}
