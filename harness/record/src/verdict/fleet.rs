//! Does the cloud's own record agree with the cluster's?

use super::check::{Evidence, Outcome};
use super::types::Verdict;
use crate::text;

pub(super) fn check(as_many: bool, at_the_end: Option<u32>, evidence: &Evidence<'_>) -> Outcome {
    let timelines = evidence.source.timelines;
    let told = evidence.azure_tells();
    let launched = timelines.nodes.claims.iter().filter(|claim| claim.launched.is_some()).count() as u64;
    let booted = timelines.azure.vms.iter().filter(|vm| vm.booted_us.is_some()).count() as u64;
    let nodes = timelines.nodes.nodes.len() as u64 - evidence.source.join.unclaimed().count() as u64;
    let mut verdict = Verdict::Pass;
    let (mut observed, mut limit) = (Vec::new(), Vec::new());
    if as_many {
        let (machines, what) = if told { (booted, "VM") } else { (nodes, "Node") };
        let verb = if told { "booted" } else { "joined" };
        observed.push(format!(
            "{} {verb}, {} launched",
            text::count(machines, what),
            text::count(launched, "NodeClaim")
        ));
        limit.push("as many VMs as NodeClaims".to_owned());
        verdict = verdict.and(match () {
            () if launched == 0 && machines == 0 => Verdict::Inconclusive,
            () if machines == launched => Verdict::Pass,
            // A boot may still have been on its way, its fact lost, or, without a record, a VM never have joined.
            () if !told || !evidence.complete() || timelines.azure.facts_lost > 0 => Verdict::Inconclusive,
            () => Verdict::Fail,
        });
    }
    if let Some(most) = at_the_end {
        limit.push(format!("{} at the end", text::count(u64::from(most), "VM")));
        match left(told, evidence) {
            Some(left) => {
                let what = if told { "VM" } else { "NodeClaim" };
                observed.push(format!("{} at the end", text::count(left, what)));
                verdict = verdict.and(match () {
                    () if left == u64::from(most) => Verdict::Pass,
                    () if timelines.azure.facts_lost > 0 => Verdict::Inconclusive,
                    () => Verdict::Fail,
                });
            }
            None => {
                observed.push("the last phase did not end".to_owned());
                verdict = verdict.and(Verdict::Inconclusive);
            }
        }
    }
    let evidence = if told {
        let lost = match timelines.azure.facts_lost {
            0 => String::new(),
            lost => format!(", {} lost", text::count(lost, "fact")),
        };
        format!("{} of the simulated Azure{lost}", text::count(timelines.azure.facts, "fact"))
    } else {
        "this target has no record of VMs: from Nodes and NodeClaims".to_owned()
    };
    Outcome { verdict, observed: observed.join(", "), limit: limit.join(", "), evidence }
}

/// VMs (without a record of them: NodeClaims) that were there when the last phase of the plan ended.
fn left(told: bool, evidence: &Evidence<'_>) -> Option<u64> {
    let source = evidence.source;
    let last = source.plan.phases.last()?;
    let (end_us, _) = source.timelines.phases.named(&last.name)?.ended?;
    let there = |from_us: Option<u64>, to_us: Option<u64>| {
        from_us.is_some_and(|from_us| from_us <= end_us) && to_us.is_none_or(|to_us| to_us > end_us)
    };
    let count = if told {
        let vms = source.timelines.azure.vms.iter();
        // A creation that failed left no VM behind.
        vms.filter(|vm| vm.booted_us.is_some() || vm.failed_us.is_none_or(|failed_us| failed_us > end_us))
            .filter(|vm| there(vm.accepted_us.or(vm.booted_us), vm.deleted_us))
            .count()
    } else {
        let at = |stamp: Option<crate::timeline::Stamp>| stamp.map(|stamp| stamp.at_us());
        let claims = source.timelines.nodes.claims.iter();
        claims.filter(|claim| there(at(claim.created), at(claim.deleted))).count()
    };
    Some(count as u64)
}
