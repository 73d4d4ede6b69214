//! Whether what was there before the run is as it was: a check of every run.
//!
//! It compares UIDs and generations of what is not the run's, from before the first action to after cleanup. Karpenter disrupts nodes of itself, for
//! reasons that their NodePool gives: such a node is noted, and is no difference.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::event::{EndReason, Inventory, InventoryObject, InventoryVm};
use crate::text;
use crate::timeline::{Timelines, VmTimeline};
use crate::verdict::{ExpectationResult, Verdict};

/// The name of the check, beside those of the plan's expectations.
const NAME: &str = "what was there before is as it was";
const LIMIT: &str = "same UIDs and generations";

const NODE_CLAIM: &str = "NodeClaim";

/// Findings that one line names.
const NAMED: usize = 5;

/// Something that was there before the run and is not as it was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// `Deployment`, `NodePool`, `VirtualMachine`.
    pub kind: String,
    /// Its name, with its namespace where it has one.
    pub name: String,
    /// What became of it.
    pub became: Became,
    /// Who has written it last, where it is known: a field manager.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub written_by: String,
}

/// What became of something that was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum Became {
    /// It is not there any more, or is being deleted.
    Gone,
    /// There is another one of its name: another UID, or another creation of a VM.
    Replaced,
    /// It is the same and asks for something else: another generation.
    Changed,
}

/// The check of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InventoryCheck {
    /// Its row among the expectations.
    pub(super) row: ExpectationResult,
    /// What is not as it was.
    pub(super) differences: Vec<Difference>,
    /// What others than the run did, one line each.
    pub(super) notes: Vec<String>,
    /// Why the run does not pass, in one line; `None` where everything is as it was, or the run's end says why that is not known.
    pub(super) reason: Option<String>,
}

/// `None` for a run that changed nothing, for one that failed before it had looked, and for logs of before minor version 3.
pub(super) fn check(timelines: &Timelines) -> Option<InventoryCheck> {
    let before = timelines.others.before.as_ref()?;
    let ended = timelines.ended.as_ref().map(|(reason, _)| *reason);
    if ended == Some(EndReason::NotRun) {
        return None;
    }
    let after = timelines.others.after.as_ref();
    let evidence = evidence(before, after);
    let row = |verdict, observed: String, evidence| ExpectationResult {
        name: NAME.to_owned(),
        verdict,
        observed,
        subjects: Vec::new(),
        limit: LIMIT.to_owned(),
        evidence,
    };
    let Some(after) = after else {
        let observed = "not compared: there was no second look".to_owned();
        let reason = (ended == Some(EndReason::Completed)).then(|| format!("{NAME}: {observed}"));
        let row = row(Verdict::Inconclusive, observed, evidence);
        return Some(InventoryCheck { row, differences: Vec::new(), notes: Vec::new(), reason });
    };
    let Compared { differences, notes } = compare(before, after, timelines);
    let described: Vec<String> = differences.iter().map(describe).collect();
    let unseen: Vec<String> = after.unread.difference(&before.unread).cloned().collect();
    let (verdict, observed) = match (described.is_empty(), unseen.is_empty()) {
        (false, _) => (Verdict::Fail, text::first_few(&described, NAMED)),
        (true, false) => {
            let kinds = text::first_few(&unseen, NAMED);
            (Verdict::Inconclusive, format!("not compared: the run may no longer list {kinds}"))
        }
        (true, true) => {
            (Verdict::Pass, text::first_few(&[vec!["as it was".to_owned()], notes.clone()].concat(), NAMED))
        }
    };
    let reason = match verdict {
        Verdict::Fail => Some(format!("not as it was before the run: {observed}")),
        Verdict::Inconclusive => Some(format!("{NAME}: {observed}")),
        Verdict::Pass => None,
    };
    Some(InventoryCheck { row: row(verdict, observed, evidence), differences, notes, reason })
}

fn evidence(before: &Inventory, after: Option<&Inventory>) -> String {
    let count = |number: usize, noun| text::count(number as u64, noun);
    let mut evidence = format!("{}, {}", count(before.objects.len(), "object"), count(before.vms.len(), "VM"));
    let unread: BTreeSet<String> =
        before.unread.iter().chain(after.iter().flat_map(|it| &it.unread)).cloned().collect();
    if !unread.is_empty() {
        let unread = Vec::from_iter(unread);
        evidence.push_str(&format!("; the run may not list {}", text::first_few(&unread, NAMED)));
    }
    evidence
}

fn describe(difference: &Difference) -> String {
    let Difference { kind, name, became, written_by } = difference;
    let by = if written_by.is_empty() { String::new() } else { format!(", written last by {written_by}") };
    format!("{kind} {name} {became}{by}")
}

#[derive(Default)]
struct Compared {
    differences: Vec<Difference>,
    notes: Vec<String>,
}

impl Compared {
    fn add(&mut self, object: &InventoryObject, became: Became, written_by: &str) {
        let name = match object.namespace.as_str() {
            "" => object.name.clone(),
            namespace => format!("{namespace}/{}", object.name),
        };
        self.differences.push(Difference {
            kind: object.kind.clone(),
            name,
            became,
            written_by: written_by.to_owned(),
        });
    }
}

fn compare(before: &Inventory, after: &Inventory, timelines: &Timelines) -> Compared {
    let mut compared = Compared::default();
    // Why Karpenter deleted NodeClaims, by name: their Nodes and VMs follow them.
    let mut deleted: BTreeMap<&str, String> = BTreeMap::new();
    let mut gone = Vec::new();
    let now: BTreeMap<_, _> = after.objects.iter().map(|object| (key(object), object)).collect();
    for object in &before.objects {
        match now.get(&key(object)) {
            None if object.kind == NODE_CLAIM => match why_deleted(object, before, timelines) {
                Some(why) => drop(deleted.insert(&object.name, why)),
                None => gone.push(object),
            },
            None => gone.push(object),
            Some(found) if found.uid != object.uid => compared.add(object, Became::Replaced, &found.written_by),
            Some(found) if found.generation == object.generation => {}
            // Nobody but the autoscaler has written it.
            Some(found) if found.is_autoscaled && found.written_at == object.written_at => {
                compared.notes.push(format!("an autoscaler scaled {object}"))
            }
            Some(found) => compared.add(object, Became::Changed, &found.written_by),
        }
    }
    for object in gone {
        // Whether it is there nobody has seen.
        if after.unread.contains(&object.kind) {
            continue;
        }
        if object.kind != "Node" || !deleted.contains_key(object.nodeclaim.as_str()) {
            compared.add(object, Became::Gone, "");
        }
    }
    let claim_of = |vm: &InventoryVm| before.objects.iter().find(|it| it.kind == NODE_CLAIM && it.name == vm.nodeclaim);
    for vm in &before.vms {
        let became = match after.vms.iter().find(|found| found.name == vm.name) {
            None => Became::Gone,
            Some(found) if found.instance != vm.instance => Became::Replaced,
            Some(_) => continue,
        };
        let is_lost = was_lost(timelines, |it| it.instance == Some(vm.instance));
        // For a NodeClaim that has no Node yet Karpenter may also make another VM.
        let is_karpenters = !is_lost && claim_of(vm).is_some_and(|claim| claim.is_unready);
        if deleted.contains_key(vm.nodeclaim.as_str()) || is_karpenters {
            continue;
        }
        // Karpenter deletes VMs that no NodeClaim is for (`pkg/controllers/nodeclaim/garbagecollection/controller.go` of the provider).
        if became == Became::Gone
            && claim_of(vm).is_none()
            && !was_lost(timelines, |it| it.instance == Some(vm.instance))
        {
            compared.notes.push(format!("VM {}, for which there was no NodeClaim, was deleted", vm.name));
            continue;
        }
        let (kind, name) = ("VirtualMachine".to_owned(), vm.name.clone());
        compared.differences.push(Difference { kind, name, became, written_by: String::new() });
    }
    compared.notes.extend(deleted.into_iter().map(|(claim, why)| format!("NodeClaim {claim}: {why}")));
    compared
}

fn key(object: &InventoryObject) -> (&str, &str, &str) {
    (&object.kind, &object.namespace, &object.name)
}

/// Why Karpenter deleted a NodeClaim of itself; `None` where it is not known to have, or where the VM was lost.
fn why_deleted(claim: &InventoryObject, before: &Inventory, timelines: &Timelines) -> Option<String> {
    if was_lost(timelines, |vm| timelines.names.text(vm.nodeclaim) == claim.name) {
        return None;
    }
    let seen = timelines.others.claims.get(&claim.uid).cloned().unwrap_or_default();
    if !seen.disrupted_as.is_empty() {
        return Some(format!("Karpenter disrupted it ({})", seen.disrupted_as));
    }
    // What it cannot launch, whose class is not Ready or whose node does not join (`pkg/controllers/nodeclaim/lifecycle/launch.go` and `liveness.go`
    // of Karpenter).
    if claim.is_unready {
        return Some("it had no Node yet, and Karpenter deletes such NodeClaims".to_owned());
    }
    // The controllers of repairs and of the expiration delete without a condition (`pkg/controllers/node/health/controller.go` and
    // `pkg/controllers/nodeclaim/expiration/controller.go` of Karpenter).
    if before.objects.iter().any(|object| object.is_unready && object.nodeclaim == claim.name) {
        return Some("its Node was not Ready, and Karpenter repairs such nodes".to_owned());
    }
    let deleted_us = i64::try_from(seen.deletion_us.unwrap_or(timelines.last_us)).ok()?;
    let deleted_at = timelines.header.as_ref()?.started_at.checked_add(SignedDuration::from_micros(deleted_us)).ok()?;
    // The stamp of the creation is cut to a whole second.
    let expired = claim.expires.is_some_and(|expires| expires <= deleted_at);
    expired.then(|| "Karpenter deleted it, since it had expired".to_owned())
}

/// Whether one of these VMs, which are not the run's, crashed or was evicted.
fn was_lost(timelines: &Timelines, is_meant: impl Fn(&VmTimeline) -> bool) -> bool {
    let lost = |vm: &VmTimeline| vm.crashed_us.or(vm.noticed_us).or(vm.evicted_us).is_some();
    timelines.others.azure.vms.iter().any(|vm| is_meant(vm) && lost(vm))
}
