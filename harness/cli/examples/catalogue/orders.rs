//! Orders of the runs, and whether they change a verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, RandomState};

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;

use crate::jobs::Job;
use crate::judge::Outcome;

/// A seed that nobody has chosen: 32 bits, which a person can read out and type.
pub(crate) fn new_seed() -> u64 {
    RandomState::new().hash_one(std::process::id()) & u64::from(u32::MAX)
}

/// The jobs in the random order of this number, which the seed decides.
pub(crate) fn shuffled(jobs: &[Job], seed: u64, number: u32) -> Vec<Job> {
    let mut jobs = jobs.to_vec();
    jobs.sort_by(|a, b| a.name.cmp(&b.name));
    let mut of_order = [0; 32];
    of_order[..8].copy_from_slice(&seed.to_le_bytes());
    of_order[8..12].copy_from_slice(&number.to_le_bytes());
    jobs.shuffle(&mut ChaCha8Rng::from_seed(of_order));
    jobs
}

/// The runs whose verdicts differ between the orders, one line each. A run that is missing in an order differs too.
pub(crate) fn differences(orders: &[BTreeMap<String, Outcome>]) -> Vec<String> {
    let names: BTreeSet<&String> = orders.iter().flat_map(BTreeMap::keys).collect();
    let mut lines = Vec::new();
    for name in names {
        let verdicts: Vec<String> = orders.iter().map(|order| verdict(order.get(name))).collect();
        if verdicts.iter().any(|verdict| *verdict != verdicts[0]) {
            let each = (1..).zip(&verdicts).map(|(number, verdict)| format!("{verdict} in order {number}"));
            lines.push(format!("{name}: {}", each.collect::<Vec<_>>().join("; ")));
        }
    }
    lines
}

/// The exit code and what failed. Numbers in reasons differ from run to run.
fn verdict(outcome: Option<&Outcome>) -> String {
    let Some(outcome) = outcome else { return "not run".to_owned() };
    let exit = outcome.exit_code.map_or("killed by a signal".to_owned(), |code| format!("exit code {code}"));
    let failed: BTreeSet<&str> = outcome.failed.iter().map(String::as_str).collect();
    match failed.is_empty() {
        true => exit,
        false => format!("{exit} ({})", failed.into_iter().collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::tests::taking;

    fn names(jobs: &[Job]) -> Vec<&str> {
        jobs.iter().map(|job| job.name.as_str()).collect()
    }

    #[test]
    fn the_seed_and_the_number_decide_the_order_and_nothing_is_lost() {
        let jobs: Vec<Job> = ["a", "b", "c", "d", "e", "f", "g", "h"].iter().map(|name| taking(name, 1)).collect();
        let first = shuffled(&jobs, 4, 1);
        let mut other_way = jobs.clone();
        other_way.reverse();
        assert_eq!(names(&first), names(&shuffled(&other_way, 4, 1)));
        assert_ne!(names(&first), names(&shuffled(&jobs, 4, 2)));
        assert_ne!(names(&first), names(&shuffled(&jobs, 5, 1)));
        let mut sorted = names(&first);
        sorted.sort_unstable();
        assert_eq!(sorted, names(&jobs));
    }

    #[test]
    fn a_verdict_that_depends_on_the_order_is_named() {
        let outcome = |exit_code: i32, failed: &[&str]| Outcome {
            exit_code: Some(exit_code),
            failed: failed.iter().map(|&name| name.to_owned()).collect(),
            ..Outcome::default()
        };
        let order = |spot: Outcome| BTreeMap::from([("spot".to_owned(), spot), ("quota".to_owned(), outcome(0, &[]))]);
        assert!(differences(&[order(outcome(0, &[])), order(outcome(0, &[]))]).is_empty());
        // The same verdict with the failures in another order.
        let (ab, ba) = (outcome(1, &["a", "b"]), outcome(1, &["b", "a"]));
        assert!(differences(&[order(ab), order(ba)]).is_empty());
        let differ = differences(&[order(outcome(0, &[])), order(outcome(1, &["phase up"]))]);
        assert_eq!(differ, ["spot: exit code 0 in order 1; exit code 1 (phase up) in order 2"]);
        let missing = differences(&[order(outcome(0, &[])), BTreeMap::from([("quota".to_owned(), outcome(0, &[]))])]);
        assert_eq!(missing, ["spot: exit code 0 in order 1; not run in order 2"]);
    }
}
