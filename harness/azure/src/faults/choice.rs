//! The VMs on which a fault acts that acts once.

use rand::seq::SliceRandom;

use crate::draws::child;
use crate::facts::VmRef;
use harness_simulation::{Fault, FaultTerms};
use harness_units::{Share, count};

/// A running VM on which the fault could act.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'a> {
    pub(crate) vm: &'a VmRef,
    pub(crate) ordinal: u64,
    /// Whether its Node has been Ready.
    pub(crate) ready: bool,
    /// Whether it has an eviction notice: it is about to end anyway.
    pub(crate) noticed: bool,
}

/// Fewer VMs than the fault must act on.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{}", self.text())]
pub(crate) struct TooFew {
    fault: String,
    least: usize,
    found: usize,
}

impl TooFew {
    fn text(&self) -> String {
        let Self { fault, least, found } = self;
        let matching = count(found, "running VM");
        let verb = if *found == 1 { "matches" } else { "match" };
        match found {
            0 => format!("no running VM matches fault `{fault}`"),
            _ => format!(
                "{matching} {verb} fault `{fault}`, which acts on at least {least}; wait until more run, or lower `atLeast`, without which `count` is exact"
            ),
        }
    }
}

/// The names of the VMs on which the fault acts. Which ones depends on the seed, the fault's name and the VMs' ordinals, not on names,
/// which the controller chooses anew each time. VMs whose Node is Ready go first, since to stop one that is still starting would show
/// nothing, and those with an eviction notice last.
pub(crate) fn choose(fault: &Fault, seed: u64, mut candidates: Vec<Candidate<'_>>) -> Result<Vec<String>, TooFew> {
    let FaultTerms { id, count, at_least, .. } = &fault.terms;
    let found = candidates.len();
    let size = |number: &u32| usize::try_from(*number).unwrap_or(usize::MAX);
    let at_least = at_least.as_ref().map(size);
    let count = count.as_ref().map(size);
    let least = at_least.or(count).unwrap_or(1);
    if found < least {
        return Err(TooFew { fault: id.clone(), least, found });
    }
    let of_share = |share: Share| (found as f64 * share.0).round() as usize;
    let wanted = count.unwrap_or_else(|| fault.kind.share().map_or(found, of_share).max(least));
    if wanted < found {
        candidates.sort_by_key(|one| (&one.vm.nodepool, one.ordinal));
        candidates.shuffle(&mut child(seed, &format!("fault/{id}"), "choice", 0));
        candidates.sort_by_key(|one| (one.noticed, !one.ready));
        candidates.truncate(wanted);
    }
    Ok(candidates.into_iter().map(|one| one.vm.name.clone()).collect())
}
