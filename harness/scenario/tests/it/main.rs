//! The scenario language: scenarios, their checks and their plans.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; helpers are not seen as tests"
)]

mod common;
mod moments;
mod plan;
mod refused;
mod robust;
mod schema;
mod strange_tree;
