//! The simulated Azure through its own doors: https, the identity and control endpoints, and a fake API server.

mod machines;
mod support;
