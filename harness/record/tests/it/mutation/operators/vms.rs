//! VMs that no NodeClaim asked for, that stay, cost more, are larger, or are lost too early.

use harness_record::event::*;
use harness_record::{Event, EventKind};

use super::super::edit::{Edit, Mutation, at};
use super::super::log::Log;

/// The VM that the operators add.
const MUTANT: &str = "vm-mutant";

/// A changed fact.
fn changed(event: &Event, change: impl Fn(&mut AzureFact)) -> Event {
    let mut event = event.clone();
    if let EventKind::Azure(fact) = &mut event.kind {
        change(fact);
    }
    event
}

/// All facts about a VM.
fn of_vm<'a>(vm: &str, log: &Log<'a>) -> Vec<(usize, &'a Event, &'a AzureFact)> {
    let facts = log.events.iter().enumerate().filter_map(|(index, event)| match &event.kind {
        EventKind::Azure(fact) if fact.vm == vm => Some((index, event, fact)),
        _ => None,
    });
    facts.collect()
}

/// The VM's fact as one of a VM that no NodeClaim asked for.
fn extra(event: &Event) -> Event {
    changed(event, |fact| {
        MUTANT.clone_into(&mut fact.vm);
        fact.instance = None;
        fact.nodeclaim.clear();
    })
}

/// A VM runs that no NodeClaim asked for, or one that was asked for never runs.
pub(super) fn another_fleet(log: &Log<'_>) -> Vec<Mutation> {
    let mut mutations = Vec::new();
    let booted: Vec<_> = log.facts(AzureFactKind::VmBooted).collect();
    for (index, event, fact) in booted.iter().rev().take(3) {
        let extra = extra(event);
        let gone = changed(&at(&extra, event.at_us + 1), |fact| fact.what = AzureFactKind::VmDeleted);
        let edits = vec![Edit::Add(extra), Edit::Add(gone)];
        mutations.push(Mutation::new("a VM runs that no NodeClaim asked for", edits).naming(MUTANT));
        let what = format!("{} never runs", fact.vm);
        mutations.push(Mutation::new(what, vec![Edit::Drop(*index)]).naming("has no VM"));
    }
    mutations
}

/// One more VM exists when the last phase ends: one that was deleted, or one that no NodeClaim asked for.
pub(super) fn others_at_the_end(log: &Log<'_>) -> Vec<Mutation> {
    let end_us = log.plan.phases.last().and_then(|phase| log.window(&phase.name)).map(|window| window.to_us);
    let deleted: Vec<_> = log
        .facts(AzureFactKind::VmDeleted)
        .filter(|(_, _, fact)| end_us.is_some_and(|end_us| fact.occurred_us <= end_us))
        .collect();
    let stays = deleted.iter().rev().take(3).map(|(index, _, fact)| {
        let what = format!("{} is still there at the end", fact.vm);
        Mutation::new(what, vec![Edit::Drop(*index)]).naming("at the end")
    });
    let more = log.facts(AzureFactKind::VmBooted).last().map(|(_, event, _)| {
        Mutation::new("one more VM exists at the end", vec![Edit::Add(extra(event))]).naming("at the end")
    });
    stays.chain(more).collect()
}

/// The VMs at the end of the second phase cost a thousand times as much, or their price is not known.
pub(super) fn dearer(before: &str, after: &str, log: &Log<'_>) -> Vec<Mutation> {
    let (Some(first), Some(second)) = (log.window(before), log.window(after)) else { return Vec::new() };
    let mut vms: Vec<(u64, &str)> =
        log.facts(AzureFactKind::VmBooted).map(|(_, _, fact)| (fact.occurred_us, fact.vm.as_str())).collect();
    let gone_us = |vm: &str| {
        let of_vm = of_vm(vm, log).into_iter();
        let ends = of_vm.filter(|(_, _, it)| matches!(it.what, AzureFactKind::VmDeleted | AzureFactKind::SpotEvicted));
        ends.map(|(_, _, it)| it.occurred_us).min().unwrap_or(u64::MAX)
    };
    let runs_at = |(booted_us, vm): (u64, &str), at_us: u64| booted_us <= at_us && gone_us(vm) > at_us;
    // Those that were created in between first: they change only the second price.
    vms.sort_by_key(|vm| runs_at(*vm, first.to_us));
    let mut mutations = Vec::new();
    let priced = |vm: &str, price: fn(u64) -> Option<u64>| -> Vec<Edit> {
        let facts = of_vm(vm, log).into_iter().filter(|(_, _, fact)| fact.price_micro_usd_per_hour.is_some());
        let edits = facts.map(|(index, event, _)| {
            Edit::Replace(
                index,
                changed(event, |fact| {
                    fact.price_micro_usd_per_hour = fact.price_micro_usd_per_hour.and_then(price);
                }),
            )
        });
        edits.collect()
    };
    for vm in vms.iter().filter(|vm| runs_at(**vm, second.to_us)) {
        let dear = priced(vm.1, |price| Some(price * 1_000));
        mutations.push(Mutation::new(format!("{} costs a thousand times as much", vm.1), dear).naming(after));
        let unknown = priced(vm.1, |_| None);
        mutations.push(Mutation::new(format!("the price of {} is not known", vm.1), unknown).naming("no price"));
    }
    let cheap = vms.iter().filter(|vm| runs_at(**vm, first.to_us) && !runs_at(**vm, second.to_us));
    let cheap: Vec<Edit> = cheap.flat_map(|vm| priced(vm.1, |_| Some(1))).collect();
    mutations.push(Mutation::new("the deleted VMs cost next to nothing", cheap).naming(before));
    mutations
}

/// One more VM runs for a moment of the phase.
pub(super) fn dearer_for_a_moment(phase: &str, log: &Log<'_>) -> Vec<Mutation> {
    let Some(window) = log.window(phase) else { return Vec::new() };
    let booted: Vec<_> = log.facts(AzureFactKind::VmBooted).collect();
    let mutations = booted.iter().rev().take(1).map(|(_, event, _)| {
        let boots = at(&extra(event), window.middle_us());
        let gone = changed(&at(&boots, window.middle_us() + 1), |fact| fact.what = AzureFactKind::VmDeleted);
        let edits = vec![Edit::Add(boots), Edit::Add(gone)];
        Mutation::new(format!("one more VM runs for a moment of {phase}"), edits).naming(phase)
    });
    mutations.collect()
}

/// Spot VMs cost what they cost on demand.
pub(super) fn nothing_saved(log: &Log<'_>) -> Vec<Mutation> {
    let facts = log.events.iter().enumerate().filter(|(_, event)| match &event.kind {
        EventKind::Azure(fact) => fact.price_micro_usd_per_hour.is_some() && fact.capacity_type == "spot",
        _ => false,
    });
    let edits = facts.map(|(index, event)| {
        Edit::Replace(index, changed(event, |fact| fact.price_micro_usd_per_hour = fact.on_demand_micro_usd_per_hour))
    });
    vec![Mutation::new("spot VMs cost what they cost on demand", edits.collect())]
}

/// One VM alone has more cores than the quota.
pub(super) fn over_quota(scope: &str, cores: u32, log: &Log<'_>) -> Vec<Mutation> {
    let mut mutations = Vec::new();
    for (_, _, fact) in log.facts(AzureFactKind::VmBooted) {
        let facts = of_vm(&fact.vm, log).into_iter().filter(|(_, _, fact)| fact.vcpus.is_some());
        // A quota that the plan raises is never a hundred times as large.
        let edits = facts
            .map(|(index, event, _)| Edit::Replace(index, changed(event, |fact| fact.vcpus = Some((cores + 1) * 100))));
        let what = format!("{} has more cores than the quota {scope}", fact.vm);
        mutations.push(Mutation::new(what, edits.collect()).naming(&fact.vm));
    }
    mutations
}

/// A spot VM is gone as soon as it gets its notice, or no new node becomes Ready.
pub(super) fn lost_too_early(phases: &[String], log: &Log<'_>) -> Vec<Mutation> {
    let windows = log.windows(phases);
    let mut mutations = Vec::new();
    for (_, _, notice) in log.facts(AzureFactKind::SpotNotice) {
        if !windows.iter().any(|window| window.contains(notice.occurred_us)) {
            continue;
        }
        let ends = of_vm(&notice.vm, log)
            .into_iter()
            .filter(|(_, _, it)| matches!(it.what, AzureFactKind::SpotEvicted | AzureFactKind::VmDeleted));
        let edits = ends.map(|(index, event, _)| {
            Edit::Replace(index, changed(event, |fact| fact.occurred_us = notice.occurred_us + 1))
        });
        mutations.push(Mutation::new(format!("{} is gone at its notice", notice.vm), edits.collect()));
    }
    mutations
}
