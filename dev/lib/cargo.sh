# shellcheck shell=bash disable=SC2154
# Cargo for the scripts: a toolchain that is there, and a build folder outside the clone that all clones share.
need cargo "Rust comes with rustup (https://rustup.rs); Cargo.toml's \`rust-version\` says which is needed"
need cc "SQLite and jemalloc are compiled from C: \`sudo apt-get install gcc libc6-dev make\`, or what this system calls it"
need make "jemalloc is built with it: \`sudo apt-get install make\`, or what this system calls it"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target} PATH=$cache/tools/bin:$PATH

# cargo-deny is built once for all clones, at low priority; meant to run in the background: it ends its shell.
install_cargo_deny() {
  command -v cargo-deny >/dev/null 2>&1 ||
    exec env -u CARGO_TARGET_DIR nice cargo install cargo-deny --locked --root "$cache/tools"
}
