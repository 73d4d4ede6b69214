//! Causes that lie in Git, in Flux and in what a commit changed.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{ObjectKind, Reached};
use crate::timeline::{FluxStep, Push, pushes};
use crate::verdict::nodes::of_pool;
use crate::verdict::outcome::Evidence;

use super::cause::{About, Cause, Extent, Kind, Work};

/// Sources that could not be fetched, commits that were refused, NodePools that were deleted.
pub(super) fn causes<'a>(evidence: &Evidence<'a>) -> Vec<Cause<'a>> {
    let timelines = evidence.source.timelines;
    let pushes = pushes(&timelines.actions);
    let mut causes = failed_steps(timelines.gitops.steps(), &pushes);
    for deletion in &timelines.nodepools.deletions {
        let at_us = deletion.at.at_us();
        // The newest commit of the plan before that. The first push is the tree's own.
        let commit = pushes.iter().skip(1).rfind(|push| push.acked_us <= at_us);
        causes.push(Cause {
            kind: Kind::PoolDeleted {
                pool: &deletion.name,
                at_us,
                commit: commit.map(|push| (push.commit, push.phase)),
            },
            extent: Extent {
                about: About::pool(&deletion.name),
                from_us: at_us,
                to_us: deletion.again_us.unwrap_or(u64::MAX),
            },
        });
    }
    let pools: BTreeSet<&str> = evidence.source.plan.workloads.iter().map(|workload| workload.class.as_str()).collect();
    causes.extend(pools.into_iter().flat_map(|pool| disruptions(pool, evidence, &pushes)));
    causes
}

/// The disruptions of a pool's nodes, by their reason.
fn disruptions<'a>(pool: &'a str, evidence: &Evidence<'a>, pushes: &[Push<'a>]) -> Vec<Cause<'a>> {
    let mut by_reason: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for node in of_pool(pool, evidence).into_iter().filter(|node| !node.reason().is_empty()) {
        let Some(chosen) = node.claim.disrupted.or(node.claim.deleting) else { continue };
        let (nodes, first_us) = by_reason.entry(node.reason()).or_insert((0, u64::MAX));
        *nodes += 1;
        *first_us = (*first_us).min(chosen.at_us());
    }
    let cause = |(reason, (nodes, at_us))| {
        let commit = pushes.iter().skip(1).rfind(|push| push.acked_us <= at_us);
        let commit = commit.map(|push| (push.commit, push.phase));
        let extent = Extent { about: About::pool(pool), from_us: at_us, to_us: u64::MAX };
        Cause { kind: Kind::Disrupted { pool, reason, nodes, at_us, commit }, extent }
    };
    by_reason.into_iter().map(cause).collect()
}

/// Failures that Flux reported, each until the object had its next success, and a refusal until the plan pushed another commit; the first of each
/// object and commit.
fn failed_steps<'a>(steps: &'a [FluxStep], pushes: &[Push<'a>]) -> Vec<Cause<'a>> {
    let mut causes: Vec<Cause<'_>> = Vec::new();
    for (index, step) in steps.iter().enumerate().filter(|(_, step)| step.reached == Reached::Failed) {
        let of_object = |other: &&FluxStep| other.kind == step.kind && other.name == step.name;
        let succeeds =
            |other: &&FluxStep| matches!(other.reached, Reached::Fetched | Reached::Applied | Reached::Healthy);
        let earlier = steps.iter().take(index).filter(of_object);
        if earlier.rev().take_while(|other| !succeeds(other)).any(|other| other.commit == step.commit) {
            continue;
        }
        let over = steps.iter().skip(index + 1).filter(of_object).find(succeeds);
        let at_us = step.at.at_us();
        let (reason, message) = (&*step.reason, &*step.message);
        let over_us = over.map_or(u64::MAX, |over| over.at.at_us());
        let (kind, work, to_us) = match step.kind {
            ObjectKind::GitRepository => (Kind::NotFetched { reason, message, at_us }, Work::Fetch, over_us),
            ObjectKind::Kustomization => {
                let pushed = pushes.iter().position(|push| *push.commit == *step.commit);
                let next = pushed.and_then(|pushed| pushes.get(pushed + 1));
                let kind = Kind::CommitRefused {
                    commit: &step.commit,
                    phase: pushed.and_then(|pushed| pushes.get(pushed)).map(|push| push.phase),
                    kustomization: &step.name,
                    reason,
                    message,
                };
                (kind, Work::Apply, next.map_or(over_us, |next| over_us.min(next.acked_us.max(at_us))))
            }
            ObjectKind::Pod | ObjectKind::NodeClaim | ObjectKind::Node | ObjectKind::NodePool => continue,
        };
        causes.push(Cause { kind, extent: Extent { about: About::work([work]), from_us: at_us, to_us } });
    }
    causes
}
