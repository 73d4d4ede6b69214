//! Causes that lie in Azure.

use std::collections::BTreeSet;

use super::cause::{About, Cause, Extent, Kind};
use crate::timeline::{Spell, VmTimeline};
use crate::verdict::nodes::of_pool;
use crate::verdict::outcome::Evidence;

/// What Azure refused, lost or did not answer in a pool, within a time.
pub(super) fn causes<'a>(evidence: &Evidence<'a>, from_us: u64, to_us: u64) -> Vec<Cause<'a>> {
    let refusals = &evidence.source.timelines.refusals;
    let mut causes = Vec::new();
    for (times, kind) in [
        (refusals.down.within(from_us, to_us), Kind::ArmDown as fn(_) -> Kind<'a>),
        (refusals.throttled.within(from_us, to_us), Kind::Throttled),
    ] {
        let Some(spell) = times else { continue };
        let until_us = if lasts(spell, evidence, to_us) { u64::MAX } else { spell.last_us };
        let extent = Extent { about: About::every_pool(), from_us: spell.first_us, to_us: until_us };
        causes.push(Cause { kind: kind(spell), extent });
    }
    for ((pool, code), refusal) in &refusals.creations {
        let Some(spell) = refusal.at.within(from_us, to_us) else { continue };
        let pools = BTreeSet::from([pool.as_str()]);
        // A refusal without a pool may concern any of them.
        let about = if pool.is_empty() { About::every_pool() } else { About::pools(pools.clone()) };
        let of_pool =
            |vm: &VmTimeline| pool.is_empty() || evidence.source.timelines.names.text(vm.placed.nodepool) == pool;
        let until_us = if accepts(spell, evidence, to_us, of_pool) { spell.last_us } else { u64::MAX };
        causes.push(Cause {
            kind: Kind::VmsRefused { pools, code, message: &refusal.message, times: spell.count },
            extent: Extent { about, from_us: spell.first_us, to_us: until_us },
        });
    }
    causes.extend(pools(evidence).into_iter().flat_map(|pool| of_vms(pool, evidence, to_us)));
    causes
}

/// Whether Resource Manager still refused calls at a moment. Nobody calls it all the time: it is taken to have refused until then where it has accepted
/// no VM since, and where the silence after the last refusal is not longer than the spell of refusals was.
fn lasts(spell: Spell, evidence: &Evidence<'_>, to_us: u64) -> bool {
    let silence_us = to_us.saturating_sub(spell.last_us);
    silence_us <= spell.last_us - spell.first_us && !accepts(spell, evidence, to_us, |_| true)
}

/// Whether Azure accepted such a VM, which did not fail, after the last refusal and until a moment.
fn accepts(spell: Spell, evidence: &Evidence<'_>, to_us: u64, of: impl Fn(&VmTimeline) -> bool) -> bool {
    let accepted = |vm: &VmTimeline| vm.accepted_us.is_some_and(|at_us| spell.last_us < at_us && at_us <= to_us);
    evidence.source.timelines.azure.vms.iter().any(|vm| vm.failed_us.is_none() && accepted(vm) && of(vm))
}

/// The pools that the plan's workloads are for.
fn pools<'a>(evidence: &Evidence<'a>) -> BTreeSet<&'a str> {
    evidence.source.plan.workloads.iter().map(|workload| workload.class.as_str()).collect()
}

/// What became of the pool's VMs.
fn of_vms<'a>(pool: &'a str, evidence: &Evidence<'a>, to_us: u64) -> Vec<Cause<'a>> {
    let timelines = evidence.source.timelines;
    let cause = |kind: Kind<'a>, from_us: u64| Cause {
        kind,
        extent: Extent { about: About::pool(pool), from_us, to_us: u64::MAX },
    };
    let vms = || timelines.azure.vms.iter().filter(|vm| timelines.names.text(vm.placed.nodepool) == pool);
    let mut causes = Vec::new();
    // What happened by then, first and how often.
    let count = |at: &dyn Fn(&VmTimeline) -> Option<u64>| {
        let times: Vec<u64> = vms().filter_map(at).filter(|at_us| *at_us <= to_us).collect();
        Some((*times.iter().min()?, times.len() as u64))
    };
    let unregistered = |vm: &VmTimeline| {
        // Cleanup ends the faults that kept it from registering.
        vm.booted_us.filter(|_| vm.registered_us.is_none_or(|us| us >= evidence.source.horizon.us))
    };
    if let Some((first_us, vms)) = count(&unregistered) {
        causes.push(cause(Kind::NeverRegistered { pool, vms }, first_us));
    } else if !evidence.has_azure_record() {
        let stuck = |launched_us: &u64| *launched_us <= to_us;
        let nodes = of_pool(pool, evidence).into_iter();
        let launched = nodes.filter(|node| node.claim.registered.is_none()).filter_map(|node| node.claim.launched);
        let launched_us: Vec<u64> = launched.map(|stamp| stamp.at_us()).filter(stuck).collect();
        if let Some(first_us) = launched_us.iter().min() {
            let claims = launched_us.len() as u64;
            causes.push(cause(Kind::ClaimsNeverRegistered { pool, claims }, *first_us));
        }
    }
    if let Some((first_us, vms)) = count(&|vm| vm.crashed_us) {
        causes.push(cause(Kind::Crashed { pool, vms }, first_us));
    }
    if let Some((first_us, vms)) = count(&|vm| vm.evicted_us) {
        causes.push(cause(Kind::Evicted { pool, vms }, first_us));
    }
    causes
}
