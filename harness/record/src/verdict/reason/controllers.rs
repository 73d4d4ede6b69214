//! Causes that controllers gave in Events.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::cause::{About, Cause, Extent, Kind, Word};
use super::symptom::class_of;
use crate::timeline::{DISRUPTION_BLOCKED, ReasonKey, ReasonTally, is_schedulers};
use crate::verdict::outcome::Evidence;

/// The most telling reason about each pool, and the refusals of pods that are missing.
pub(super) fn causes<'a>(evidence: &Evidence<'a>) -> Vec<Cause<'a>> {
    let source = evidence.source;
    let mut words: BTreeMap<&str, (Word, &ReasonKey, &ReasonTally)> = BTreeMap::new();
    let mut causes = Vec::new();
    for (key, given) in &source.timelines.reasons.all {
        let Some(pool) = pool_of(key, evidence) else { continue };
        if key.kind == "ReplicaSet" {
            if key.reason == "FailedCreate" && lacks_pods(&key.owner, evidence) {
                causes.push(Cause {
                    kind: Kind::PodsDenied { workload: &key.owner, reason: &key.reason, message: &given.message },
                    extent: extent(pool, given),
                });
            }
            continue;
        }
        let word = word(&key.reason, &given.message);
        let known = words.get(pool).map(|(word, key, given)| order(*word, key, given));
        if known.is_none_or(|known| order(word, key, given) < known) {
            words.insert(pool, (word, key, given));
        }
    }
    causes.extend(words.into_iter().map(|(pool, (word, key, given))| Cause {
        kind: Kind::Said { pools: BTreeSet::from([pool]), reason: &key.reason, message: &given.message, word },
        extent: extent(pool, given),
    }));
    causes
}

fn extent<'a>(pool: &'a str, given: &ReasonTally) -> Extent<'a> {
    // Each is recorded once for an object, and then holds on.
    Extent { about: About::pool(pool), from_us: given.first_us, to_us: u64::MAX }
}

/// The pool that a reason is about.
fn pool_of<'a>(key: &'a ReasonKey, evidence: &Evidence<'a>) -> Option<&'a str> {
    let source = evidence.source;
    let owner = key.owner.as_str();
    match key.kind.as_str() {
        "Pod" | "ReplicaSet" | "Deployment" => class_of(owner, source.plan),
        "Node" => {
            let names = &source.timelines.names;
            let node = source.timelines.nodes.nodes.iter().find(|node| names.text(node.name) == owner)?;
            Some(names.text(node.placed.nodepool)).filter(|pool| !pool.is_empty())
        }
        // The owner of a NodeClaim is its NodePool.
        _ => Some(owner),
    }
}

/// The most telling first: among equal words the most frequent, and then the one that was given last. What blocks a disruption is a state, and
/// only the last one still holds.
fn order(word: Word, key: &ReasonKey, given: &ReasonTally) -> (Word, Reverse<u64>, Reverse<u64>) {
    let how_often = if key.reason == DISRUPTION_BLOCKED { 0 } else { given.count };
    (word, Reverse(how_often), Reverse(given.last_us))
}

/// Whether a workload has fewer pods than the plan asked for.
fn lacks_pods(workload: &str, evidence: &Evidence<'_>) -> bool {
    let plan = evidence.source.plan;
    evidence.source.slots.all.iter().any(|slot| {
        slot.pod.is_none()
            && slot.withdrawn_us.is_none()
            && plan.workloads.get(slot.workload).is_some_and(|of| of.name == workload)
    })
}

/// How much a reason says. The reasons are those of Karpenter (sigs.k8s.io/karpenter `pkg/events`), of its provider for Azure and of the kubelet
/// (`pkg/kubelet/events/event.go`).
fn word(reason: &str, message: &str) -> Word {
    match reason {
        "FailedScheduling" if is_schedulers(message) => Word::NoRoom,
        "InsufficientCapacityError" | "NodeClassNotReady" | "NoCompatibleInstanceTypes" => Word::NoMachine,
        "FailedScheduling" | "Failed" | "BackOff" => Word::Blocked,
        DISRUPTION_BLOCKED => Word::Blocked,
        "FailedDraining" => Word::Draining,
        _ => Word::Other,
    }
}
