//! The simulated Azure through its interfaces: HTTPS, the identity and control endpoints, and a fake API server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed; helpers are not seen as tests")]

mod aks_parts;
mod batch;
mod binary;
mod catalogue;
mod control;
mod determinism;
mod errors;
mod fake_kube;
mod faults;
mod interfaces;
mod ledger;
mod machines;
mod node_facts;
mod nodes;
mod operations;
mod public_cloud;
mod quota;
mod support;
mod user_calls;
mod vm_facts;
