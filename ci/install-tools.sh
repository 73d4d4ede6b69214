#!/usr/bin/env bash
# Installs what the build and the checks need. A tool that is missing and cannot be installed is an error; for an optional one there is a note.
set -euo pipefail

need() { # command, what to install
    command -v "$1" >/dev/null || { echo "error: $1 is not on PATH: install $2" >&2; exit 1; }
}
need cargo "Rust 1.95 or later (https://rustup.rs)"
need go "Go 1.26.5 or later (https://go.dev/dl)"
need git "git"
need cc "a C compiler (gcc)"

for component in clippy rustfmt; do
    cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1 || rustup component add "$component"
done
cargo --version
go version
git --version

# Built without optimizations: compiling them takes longer than running them.
cargo_tool() { # crate, version, options
    command -v "$1" >/dev/null && return
    echo "installing $1 $2 (takes a few minutes, once per machine)"
    timeout 1200 cargo install "$1" --version "$2" --locked --debug --quiet "${@:3}"
}
cargo_tool cargo-deny 0.20.2
cargo_tool cargo-nextest 0.9.151 --no-default-features --features default-no-update

optional() { # command, Debian package, for what
    command -v "$1" >/dev/null && return
    local as_root=()
    [ "$(id -u)" -eq 0 ] || as_root=(sudo -n)
    if command -v apt-get >/dev/null && {
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$2" ||
            { "${as_root[@]}" apt-get update && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$2"; }
    } >/dev/null 2>&1; then
        echo "installed $2"
    else
        echo "note: $1 is not on PATH and could not be installed: $3 will not be run (Debian: apt-get install $2)" >&2
    fi
}
optional shellcheck shellcheck "the check of the scripts"
