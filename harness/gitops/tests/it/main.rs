//! The Git server and the client that commits trees, with the real Git.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

mod git;
