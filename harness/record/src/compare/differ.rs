//! What differs between the sides besides the latencies, and what makes them no comparison at all.

use std::collections::BTreeSet;

use super::outcome::SideRuns;
use super::run::MeasuredRun;
use crate::event::EndReason;

/// The runs that can be compared, and the others with why not. A run that failed its expectations stays: leaving it out would keep only
/// the quick ones.
pub(super) fn usable(runs: &[MeasuredRun]) -> (Vec<&MeasuredRun>, SideRuns) {
    let mut side = SideRuns::default();
    let mut usable = Vec::new();
    for run in runs {
        let why = match run.info.ended {
            Some(EndReason::Completed) => {
                side.runs.push(run.info.id.clone());
                usable.push(run);
                continue;
            }
            Some(EndReason::NotRun) => "it was not run",
            Some(EndReason::TargetFailed) => "its target failed",
            Some(EndReason::Interrupted) => "it was interrupted",
            None => "it was killed before its end",
        };
        side.left_out.push(format!("{}: {why}", run.info.id));
    }
    (usable, side)
}

/// What a side has of some property, each value once.
fn values(runs: &[&MeasuredRun], of: impl Fn(&MeasuredRun) -> String) -> BTreeSet<String> {
    runs.iter().map(|run| of(run)).collect()
}

fn joined(values: &BTreeSet<String>) -> String {
    values.iter().map(String::as_str).collect::<Vec<_>>().join(" and ")
}

/// What differs, in words.
pub(super) fn differences(before: &[&MeasuredRun], after: &[&MeasuredRun]) -> Vec<String> {
    let mut differences = Vec::new();
    if before.is_empty() || after.is_empty() {
        return differences;
    }
    let mut differ = |what: &str, of: &dyn Fn(&MeasuredRun) -> String| {
        let (a, b) = (values(before, of), values(after, of));
        if a != b || a.len() > 1 {
            differences.push(format!("{what}: {} before, {} after", joined(&a), joined(&b)));
        }
    };
    differ("scenario", &|run| run.info.scenario.clone());
    differ("profile", &|run| run.info.profile.clone());
    differ("target", &|run| run.info.target.clone());
    differ("seed", &|run| run.info.seed.to_string());
    differ("harness", &|run| run.info.harness.clone());
    let keys: BTreeSet<&String> = before.iter().chain(after).flat_map(|run| run.info.parameters.keys()).collect();
    for key in keys {
        let of = |run: &MeasuredRun| run.info.parameters.get(key).cloned().unwrap_or_else(|| "not set".to_owned());
        differ(&format!("parameter {key}"), &of);
    }
    // A comparison before and after a change of the node configuration is what it is for: it is named because it is the first cause to look at.
    differ("node configuration", &|run| {
        run.info.node_config_sha256.get(..12).unwrap_or(&run.info.node_config_sha256).to_owned()
    });
    differences
}

/// Why the sides are not two measurements of one thing, and what to do about it; `None` where they are.
pub(super) fn not_one_experiment(before: &[&MeasuredRun], after: &[&MeasuredRun]) -> Option<(String, String)> {
    if before.is_empty() || after.is_empty() {
        return None;
    }
    for (what, of) in [
        ("scenario", (|run| run.info.scenario.clone()) as fn(&MeasuredRun) -> String),
        ("profile", |run| run.info.profile.clone()),
        ("target", |run| run.info.target.clone()),
    ] {
        let (a, b) = (values(before, of), values(after, of));
        if a != b || a.len() > 1 {
            let reason = format!("the {what} is not the same: {} before, {} after", joined(&a), joined(&b));
            return Some((reason, format!("Run both sides with the same {what}.")));
        }
    }
    // The seed decides the draws of the simulated Azure. With one seed on one side and another on the other, their difference is between the
    // sides and in no side's scatter. Sides whose runs have several seeds show it.
    let seed = |run: &MeasuredRun| run.info.seed.to_string();
    let (a, b) = (values(before, seed), values(after, seed));
    let shows_seeds = |runs: &[&MeasuredRun], seeds: &BTreeSet<String>| runs.len() == 1 || seeds.len() > 1;
    let shown = shows_seeds(before, &a) && shows_seeds(after, &b) && before.len() + after.len() > 2;
    if a != b && !shown {
        let reason = format!(
            "the seeds are not the same ({} before, {} after), so the sides had different draws",
            joined(&a),
            joined(&b)
        );
        return Some((
            reason,
            format!("Run the later side again with --seed {}.", a.iter().next().map_or("N", |seed| seed)),
        ));
    }
    None
}
