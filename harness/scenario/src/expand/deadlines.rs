//! The deadlines of phases on a tree that the scenario is not written for. Whoever writes `within` knows how soon the scenario's own pools
//! remove a node that has nothing to do; another tree may give its nodes longer.

use super::Inputs;
use super::moments::Moments;
use crate::rules::quoted;
use harness_plan::Phase;
use harness_units::Span;

/// What every deadline has room for: as much as the rules expect where they estimate how long a phase takes.
const ALLOWED_FOR: Span = Span::from_secs(30);

/// Extends the deadline of each phase that waits for nodes to go by what the tree's longest `consolidateAfter` needs, and says so. A pool that
/// never removes its nodes fails such a phase, however long it waits.
pub(super) fn extend(phases: &mut [Phase], inputs: &Inputs<'_>, moments: &Moments) -> Vec<String> {
    if inputs.is_own_tree() {
        return Vec::new();
    }
    let mut notes = Vec::new();
    for (number, phase) in phases.iter_mut().enumerate() {
        let (Some(until), Some(within)) = (&phase.until, phase.within) else { continue };
        if !until.0.iter().any(|condition| condition.awaits_fewer_nodes()) {
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
        let Some((after, pool)) = slowest.filter(|(after, _)| *after > ALLOWED_FOR) else { continue };
        let longer = after.as_duration() - ALLOWED_FOR.as_duration();
        let extended = Span::from(within.as_duration().saturating_add(longer));
        let pool = quoted(&pool.name);
        notes.push(format!(
            "the deadline of the phase {name} is {extended} instead of {within}: NodePool {pool} has `consolidateAfter: {after}`"
        ));
        phase.within = Some(extended);
    }
    notes
}
