#!/usr/bin/env bash
# What the build and the tests need and a machine may lack. Says what is missing where it cannot install it.
set -euo pipefail

need() { # command, what to install
    command -v "$1" >/dev/null || { echo "error: $1 is not on PATH: install $2" >&2; exit 1; }
}
need cargo "Rust 1.95 or later (https://rustup.rs)"
need go "Go 1.26 or later (https://go.dev/dl)"
need git "git"
need cc "a C compiler (gcc)"

for component in clippy rustfmt; do
    cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1 || rustup component add "$component"
done
cargo --version
go version
git --version

# Optional: without it the scenarios that need image-registry end with "not run", which is no failure.
optional() { # command, Debian package, for what
    command -v "$1" >/dev/null && return
    local as_root=()
    [ "$(id -u)" -eq 0 ] || as_root=(sudo -n)
    if command -v apt-get >/dev/null && {
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$2" ||
            { "${as_root[@]}" apt-get update && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$2"; }
    } >/dev/null 2>&1; then
        # The package starts a service of its own, which nobody here asks.
        "${as_root[@]}" systemctl disable --now "$2" >/dev/null 2>&1 || true
        echo "installed $2"
    else
        echo "note: $1 is not on PATH and could not be installed: $3 will not be run (Debian: apt-get install $2)" >&2
    fi
}
optional docker-registry docker-registry "scenarios that need image-registry"
