//! The deadlines of phases on a tree other than the scenario's own. The author of a scenario chooses `within` for pools that remove empty nodes
//! soon; the pools of another tree may keep them for longer.

use super::Inputs;
use super::moments::Moments;
use crate::rules::{CONSOLIDATE_AFTER, quoted};
use harness_plan::{Condition, Phase};
use harness_units::Span;

/// Extends the deadline of each phase that waits for nodes to go by what the tree's longest `consolidateAfter` needs, and says so. A pool that
/// never removes its nodes fails such a phase, however long it waits.
pub(super) fn extend(phases: &mut [Phase], inputs: &Inputs<'_>, moments: &Moments) -> Vec<String> {
    if inputs.is_own_tree() {
        return Vec::new();
    }
    let mut notes = Vec::new();
    for (number, phase) in phases.iter_mut().enumerate() {
        let (Some(until), Some(within)) = (&phase.until, phase.within) else { continue };
        if !until.0.iter().flat_map(Condition::parts).any(Condition::awaits_fewer_nodes) {
            continue;
        }
        let all = || moments.until(number).iter().flat_map(|moment| &moment.pools);
        let pools = || all().filter(|pool| !pool.limits.switch_off() && pool.replicas.is_none());
        let name = quoted(&phase.name);
        if let Some(pool) = pools().find(|pool| pool.consolidate_after.is_none()) {
            let pool = quoted(&pool.name);
            notes.push(format!(
                "the phase {name} fails if NodePool {pool} has a node: with `consolidateAfter: Never` Karpenter removes no empty ones"
            ));
            continue;
        }
        let slowest = pools().filter_map(|pool| Some((pool.consolidate_after?, pool))).max_by_key(|(after, _)| *after);
        let Some((after, pool)) = slowest else { continue };
        // Every deadline has room for what the rules expect.
        let longer = after.as_duration().saturating_sub(CONSOLIDATE_AFTER);
        if longer.is_zero() {
            continue;
        }
        let extended = Span::from(within.as_duration().saturating_add(longer));
        let pool = quoted(&pool.name);
        notes.push(format!(
            "the deadline of the phase {name} is {extended} instead of {within}: NodePool {pool} has `consolidateAfter: {after}`"
        ));
        phase.within = Some(extended);
    }
    notes
}
