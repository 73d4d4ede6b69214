//! From watches and facts to events.
//!
//! A *watch* task reads one stream, stamps and enqueues: nothing else happens between the socket and the stamp. The
//! *interpreter* takes stamped objects from the queue, compares each with what was known of it, and hands milestones to the hub.

mod automation;
mod autoscalers;
mod azure;
mod condition;
mod flux;
mod interpreter;
mod known;
mod nodeclaims;
mod nodepools;
mod nodes;
mod objects;
mod pods;
mod reasons;
mod watch;

pub(crate) use interpreter::{Observers, Scope};
