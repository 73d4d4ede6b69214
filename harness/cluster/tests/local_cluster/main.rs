//! The local target with the real upstream processes. Each test is skipped, with the reason on stderr, where the
//! components are not built.

mod processes;
mod provisioning;
mod support;
