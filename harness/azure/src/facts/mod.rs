//! What the simulated Azure did, as an ordered stream of facts that a reader can follow.

mod fact;
mod ring;

pub use fact::{Fact, FactKind, FactsPage, QuotaSet, VmRef};
pub use ring::{FACTS_KEPT, FactLog};
