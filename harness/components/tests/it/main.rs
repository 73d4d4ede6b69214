//! Building the executables of components, with a Go that the tests bring.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

mod components;
