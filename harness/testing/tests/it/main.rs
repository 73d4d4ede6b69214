//! The structure of the workspace: the arrows between crates and modules are those that `harness/ARCHITECTURE.md` allows.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; helpers are not seen as tests"
)]

mod crates;
mod modules;
