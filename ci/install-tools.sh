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
