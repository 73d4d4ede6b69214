//! Revisions that are applied in another order, or not at all.

use harness_record::EventKind;
use harness_record::event::*;

use super::super::edit::{Claim, Edit, Mutation, at};
use super::super::log::Log;

/// The Kustomization that applies the node configuration.
const ROOT: &str = "node-config";

/// Each Kustomization applies a revision before its predecessor is healthy; or one never applies anything.
pub(super) fn out_of_order(kustomizations: &[String], log: &Log<'_>) -> Vec<Claim> {
    let mut claims = Vec::new();
    for pair in kustomizations.windows(2) {
        let [before, after] = pair else { continue };
        let mut mutations = Vec::new();
        for (index, event, _) in of(after, Reached::Applied, log).into_iter().rev() {
            let healthy = of(before, Reached::Healthy, log).into_iter().rfind(|(_, it, _)| it.at_us <= event.at_us);
            if let Some((_, healthy, _)) = healthy {
                let early = at(event, healthy.at_us.saturating_sub(1));
                let what = format!("{after} applies a revision before {before} is healthy");
                mutations.push(Mutation::new(what, vec![Edit::Replace(index, early)]).naming(after));
            }
        }
        claims.push(Claim::new(format!("{after} after {before}"), mutations));
    }
    for name in kustomizations {
        let edits = of(name, Reached::Applied, log).into_iter().map(|(index, ..)| Edit::Drop(index)).collect();
        let never = Mutation::new(format!("{name} never applies anything"), edits).naming(name);
        claims.push(Claim::new(format!("{name} applies"), vec![never]));
    }
    claims
}

/// An earlier revision is applied after a later one.
pub(super) fn out_of_push_order(log: &Log<'_>) -> Vec<Mutation> {
    let applied = of(ROOT, Reached::Applied, log);
    let mut mutations = Vec::new();
    for pair in applied.windows(2).rev() {
        let [(first, one, _), (second, two, _)] = pair else { continue };
        let swapped = vec![Edit::Replace(*first, at(one, two.at_us)), Edit::Replace(*second, at(two, one.at_us))];
        mutations.push(Mutation::new("two revisions are applied in the other order", swapped).naming(" after "));
    }
    mutations
}

/// The revision that was pushed last is never healthy.
pub(super) fn not_in_force(log: &Log<'_>) -> Vec<Mutation> {
    let healthy = of(ROOT, Reached::Healthy, log).into_iter().rev();
    let never = |index| Mutation::new("a revision is never healthy", vec![Edit::Drop(index)]).naming("is not in force");
    healthy.map(|(index, ..)| never(index)).collect()
}

fn of<'a>(name: &str, reached: Reached, log: &Log<'a>) -> Vec<(usize, &'a harness_record::Event, &'a Milestone)> {
    let matching = log.events.iter().enumerate().filter_map(|(index, event)| match &event.kind {
        EventKind::Milestone(it)
            if it.object.kind == ObjectKind::Kustomization && it.object.name == name && it.reached == reached =>
        {
            Some((index, event, it))
        }
        _ => None,
    });
    matching.collect()
}
