//! Reports of invented runs (`support`) and of recorded runs.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; helpers are not seen as tests"
)]

mod comparison;
mod findings;
mod html;
mod index;
mod readme;
mod recorded;
#[path = "../../../record/tests/it/recording.rs"]
#[allow(dead_code, reason = "the record crate's tests use more of it")]
mod recording;
mod support;
mod texts;
mod write;
