//! What is not the run's: the inventories of before and after, and what became of its nodes meanwhile.

use std::collections::BTreeMap;

use super::azure::Azure;
use crate::event::{Inventory, InventoryMoment, Milestone, OfOthers, Reached, attribute};
use crate::names::Names;

/// What is not the run's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Others {
    pub(crate) before: Option<Inventory>,
    pub(crate) after: Option<Inventory>,
    /// The NodeClaims, by UID.
    pub(crate) claims: BTreeMap<String, OtherClaim>,
    /// The VMs. The ledger counts those that Azure accepted during the run; nothing else does.
    pub(crate) azure: Azure,
}

/// What became of a NodeClaim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OtherClaim {
    /// Why Karpenter chose it for disruption; empty where it has not.
    pub(crate) disrupted_as: String,
    /// When its deletion was first seen, microseconds since the run started.
    pub(crate) deletion_us: Option<u64>,
}

impl Others {
    pub(super) fn apply_inventory(&mut self, inventory: &Inventory) {
        match inventory.moment {
            InventoryMoment::Before => self.before = Some(inventory.clone()),
            InventoryMoment::After => self.after = Some(inventory.clone()),
        }
    }

    pub(super) fn apply(&mut self, at_us: u64, event: &OfOthers, names: &mut Names) {
        match event {
            OfOthers::Milestone(milestone) => self.apply_claim(at_us, milestone),
            OfOthers::Azure(fact) => self.azure.apply(fact, names),
        }
    }

    fn apply_claim(&mut self, at_us: u64, milestone: &Milestone) {
        let claim = self.claims.entry(milestone.object.uid.clone()).or_default();
        match milestone.reached {
            Reached::Disrupted => {
                claim.disrupted_as = milestone.attributes.get(attribute::REASON).cloned().unwrap_or_default();
            }
            // Its replacement failed.
            Reached::Spared => claim.disrupted_as.clear(),
            Reached::Deleting | Reached::Deleted => {
                claim.deletion_us.get_or_insert(at_us);
            }
            _ => {}
        }
    }
}
