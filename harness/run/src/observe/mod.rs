//! From watches and facts to events.
//!
//! A *watch* task reads one stream, stamps and enqueues: nothing else happens between the socket and the stamp. The *interpreter* compares
//! each stamped object with its earlier observations and records the milestones that are new.

mod automation;
mod azure;
mod condition;
mod flux;
mod interpreter;
mod karpenter;
mod milestones;
mod objects;
mod reasons;
pub(crate) mod usage;
mod watch;
mod workloads;

pub(crate) use interpreter::Observers;
