//! Does the cloud's own record agree with the cluster's?

use std::collections::HashSet;

use harness_plan::{Fleet, VmCount};

use super::outcome::{CheckOutcome, Evidence, Verdict};
use crate::text;
use crate::timeline::{ClaimTimeline, VmTimeline};

/// Names of disagreeing objects that are shown.
const SHOWN: usize = 3;

pub(super) fn check(check: &Fleet, evidence: &Evidence<'_>) -> CheckOutcome {
    let timelines = evidence.source.timelines;
    let from_azure = evidence.has_azure_record();
    let launched = launched(evidence).count() as u64;
    // What boots in cleanup is not the run's: its NodeClaim does not count either.
    let ran = |vm: &&VmTimeline| vm.booted_us.is_some_and(|us| us < evidence.source.horizon.us);
    let booted = timelines.azure.vms.iter().filter(ran).count() as u64;
    let nodes = timelines.nodes.nodes.len() as u64 - evidence.source.join.unclaimed().count() as u64;
    let mut verdict = Verdict::Pass;
    let (mut observed, mut limit) = (Vec::new(), Vec::new());
    if check.vms == Some(VmCount::AsManyAsNodeclaims) {
        let (machines, what) = if from_azure { (booted, "VM") } else { (nodes, "Node") };
        let verb = if from_azure { "booted" } else { "joined" };
        observed.push(format!(
            "{} {verb}, {} launched",
            text::count(machines, what),
            text::count(launched, "NodeClaim")
        ));
        limit.push("as many VMs as NodeClaims".to_owned());
        let odd = if from_azure { odd_ones(evidence) } else { Vec::new() };
        let equal = if from_azure { odd.is_empty() } else { machines == launched };
        verdict = verdict.and(match () {
            () if launched == 0 && machines == 0 => Verdict::Inconclusive,
            () if equal => Verdict::Pass,
            // The VM may still have been booting, its fact may be lost, or, without a record, the VM may never have joined.
            () if !from_azure || !evidence.complete() || timelines.azure.facts_lost > 0 => Verdict::Inconclusive,
            () => Verdict::Fail,
        });
        if !odd.is_empty() {
            observed.push(text::first_few(&odd, SHOWN));
        }
    }
    if let Some(most) = check.at_end {
        limit.push(format!("{} at the end", text::count(most, "VM")));
        match remaining(from_azure, evidence) {
            Some(left) => {
                let what = if from_azure { "VM" } else { "NodeClaim" };
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
    let evidence = if from_azure {
        let lost = match timelines.azure.facts_lost {
            0 => String::new(),
            lost => format!(", {} lost", text::count(lost, "fact")),
        };
        let apart = match apart(evidence) {
            (0, 0) => String::new(),
            (failed, short) => format!(", {failed} launched and then failed by Azure, {short} deleted before they ran"),
        };
        format!("{} of the simulated Azure{lost}{apart}", text::count(timelines.azure.facts, "fact"))
    } else {
        "this target has no record of VMs: from Nodes and NodeClaims".to_owned()
    };
    CheckOutcome { verdict, observed: observed.into(), limit: limit.join(", "), evidence }
}

/// Whether a launched NodeClaim may be without a running VM: Azure failed the last creation for it after it had accepted it, or that VM was
/// deleted before it ran.
fn excused(vm: &VmTimeline) -> bool {
    vm.failed_us.is_some() || vm.delete_requested_us.is_some() || vm.gone_us().is_some()
}

/// The launched NodeClaims, by their indices.
fn launched<'a>(evidence: &Evidence<'a>) -> impl Iterator<Item = (usize, &'a ClaimTimeline)> + use<'a> {
    let claims = evidence.source.timelines.nodes.claims.iter().enumerate();
    claims.filter(|(_, claim)| claim.launched.is_some())
}

/// Of the launched NodeClaims without a running VM: how many Azure failed, how many were deleted before.
fn apart(evidence: &Evidence<'_>) -> (u64, u64) {
    let (mut failed, mut short) = (0, 0);
    for (index, _) in launched(evidence) {
        // Of several VMs this is the one that booted, where there is one.
        match evidence.source.join.vm(index) {
            Some(vm) if vm.booted_us.is_some() => {}
            Some(vm) if vm.failed_us.is_some() => failed += 1,
            Some(vm) if excused(vm) => short += 1,
            Some(_) | None => {}
        }
    }
    (failed, short)
}

/// Exceptions to the rule that each launched NodeClaim has one VM that ran, and each VM that ran a launched NodeClaim.
fn odd_ones(evidence: &Evidence<'_>) -> Vec<String> {
    let source = evidence.source;
    let text = |name| source.timelines.names.text(name);
    let mut odd = Vec::new();
    let mut of_launched: HashSet<*const VmTimeline> = HashSet::new();
    for (index, claim) in launched(evidence) {
        of_launched.extend(source.join.vms(index).map(std::ptr::from_ref));
        match source.join.vms(index).filter(|vm| vm.booted_us.is_some()).count() {
            0 if source.join.vm(index).is_some_and(excused) => {}
            0 => odd.push(format!("{} has no VM", text(claim.name))),
            1 => {}
            more => odd.push(format!("{} has {more} VMs", text(claim.name))),
        }
    }
    let ran = |vm: &&VmTimeline| vm.booted_us.is_some_and(|us| us < source.horizon.us);
    let vms = source.timelines.azure.vms.iter().filter(ran);
    for vm in vms.filter(|vm| !of_launched.contains(&std::ptr::from_ref(*vm))) {
        odd.push(format!("VM {} has no launched NodeClaim", text(vm.name)));
    }
    odd.sort();
    odd
}

/// VMs (without a record of them: NodeClaims) that were there when the last phase of the plan ended.
fn remaining(from_azure: bool, evidence: &Evidence<'_>) -> Option<u64> {
    let source = evidence.source;
    let last = source.plan.phases.last()?;
    let (end_us, _) = source.timelines.phases.named(&last.name)?.ended?;
    let there = |from_us: Option<u64>, to_us: Option<u64>| {
        from_us.is_some_and(|from_us| from_us <= end_us) && to_us.is_none_or(|to_us| to_us > end_us)
    };
    let count = if from_azure {
        let vms = source.timelines.azure.vms.iter();
        // A creation that failed left no VM behind, unless Azure called it failed when it was making the VM.
        let is_vm = |vm: &&VmTimeline| vm.creating_us.or(vm.booted_us).is_some();
        vms.filter(|vm| is_vm(vm) || vm.failed_us.is_none_or(|failed_us| failed_us > end_us))
            .filter(|vm| there(vm.accepted_us.or(vm.booted_us), vm.deleted_us))
            .count()
    } else {
        let at = |stamp: Option<crate::timeline::Stamp>| stamp.map(|stamp| stamp.at_us());
        let claims = source.timelines.nodes.claims.iter();
        claims.filter(|claim| there(at(claim.created), at(claim.deleted))).count()
    };
    Some(count as u64)
}
