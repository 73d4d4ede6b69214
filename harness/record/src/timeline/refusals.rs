//! What Azure refused, and when.

use std::collections::BTreeMap;

use crate::event::{AzureFact, AzureFactKind};

/// Moments, microseconds since the run began, and how often each.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Moments(Vec<(u64, u64)>);

/// How often something happened, and between when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spell {
    pub(crate) count: u64,
    pub(crate) first_us: u64,
    pub(crate) last_us: u64,
}

impl Moments {
    /// Those of this time, its ends included; `None` where there is none.
    pub(crate) fn within(&self, from_us: u64, to_us: u64) -> Option<Spell> {
        let within = || self.0.iter().filter(|(at_us, _)| (from_us..=to_us).contains(at_us));
        let first_us = within().map(|(at_us, _)| *at_us).min()?;
        let last_us = within().map(|(at_us, _)| *at_us).max()?;
        Some(Spell { count: within().fold(0, |sum, (_, times)| sum.saturating_add(*times)), first_us, last_us })
    }
}

/// Creations of VMs of one pool that failed with one code.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) at: Moments,
    /// Azure's message for the first.
    pub(crate) message: String,
}

/// Everything that Azure refused.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refusals {
    /// By NodePool and code.
    pub(crate) creations: BTreeMap<(String, String), Refusal>,
    /// Calls that were answered 429.
    pub(crate) throttled: Moments,
    /// Calls that were refused while Resource Manager was down.
    pub(crate) down: Moments,
    /// Faults that have begun and not ended.
    pub(crate) faults: u64,
}

impl Refusals {
    pub(crate) fn apply(&mut self, fact: &AzureFact) {
        let at_us = fact.occurred_us;
        match fact.what {
            AzureFactKind::Throttled => self.throttled.0.push((at_us, 1)),
            // One fact stands for as many calls as its message says.
            AzureFactKind::Refused => self.down.0.push((at_us, fact.message.parse().unwrap_or(1).max(1))),
            AzureFactKind::ProvisioningFailed => {
                let new = || Refusal { message: fact.message.clone(), ..Refusal::default() };
                let refusal = self.creations.entry((fact.nodepool.clone(), fact.code.clone())).or_insert_with(new);
                refusal.at.0.push((at_us, 1));
            }
            AzureFactKind::FaultBegan => self.faults += 1,
            AzureFactKind::FaultEnded => self.faults = self.faults.saturating_sub(1),
            _ => {}
        }
    }
}
