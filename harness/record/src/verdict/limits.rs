//! Did the pools respect their limits?
//!
//! Karpenter refuses a NodeClaim when the pool is above a limit already; NodeClaims that it has just created and does not
//! count yet can carry it over (sigs.k8s.io/karpenter `pkg/controllers/provisioning/provisioner.go`, `Create`, and
//! `scheduling/scheduler.go`, `subtractMax`). So a violation is a NodeClaim that was created while the capacity of the launched ones
//! alone was above the limit; everything else is the limit plus what was in flight.
//!
//! The limit is the one in force at that moment: a commit may raise or lower it. Logs of minor version 0 do not say it; there it is the plan's.

use harness_plan::{Limits, PoolLimits};
use harness_units::{Bytes, Millicores};

use super::nodes::{Node, of_pool};
use super::outcome::{CheckOutcome, Evidence, Verdict};
use super::window::Windows;
use crate::event::NodePoolSpec;
use crate::steps::Steps;
use crate::text;
use crate::timeline::Stamp;

/// One NodeClaim of a pool: times in microseconds, and its capacity where it is known.
struct Claim {
    created_us: u64,
    launched_us: Option<u64>,
    gone_us: Option<u64>,
    cpu: Option<u64>,
    memory: Option<u64>,
}

/// The finding about one resource of one pool.
struct Finding {
    verdict: Verdict,
    observed: String,
    limit: String,
}

/// By how much a change of a NodePool may reach the controller before or after it is seen here, microseconds: each has a watch of its own. A
/// NodeClaim counts as created over a limit only where every limit within this time of it was exceeded.
const SEEN_APART_US: u64 = 1_000_000;

/// A limit of a resource that was not set.
const UNLIMITED: i64 = i64::MAX;

pub(super) fn check(check: &PoolLimits, evidence: &Evidence<'_>) -> CheckOutcome {
    let mut findings = Vec::new();
    let mut claims_seen = 0;
    for pool in check.nodepools.names() {
        let claims = claims(pool, evidence);
        claims_seen += claims.len() as u64;
        let Some(in_force) = in_force(pool, evidence) else {
            findings.push(Finding {
                verdict: Verdict::Inconclusive,
                observed: format!("{pool} is not in the plan's node configuration"),
                limit: String::new(),
            });
            continue;
        };
        findings.extend(pool_findings(pool, &in_force, &claims, evidence));
    }
    let mut verdict = findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Inconclusive);
    if claims_seen == 0 {
        verdict = verdict.and(Verdict::Inconclusive);
    }
    let windows = Windows::of_run(evidence);
    verdict = verdict.and(windows.judge_always(true));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
    let observed: Vec<String> =
        findings.iter().map(|finding| finding.observed.clone()).filter(|text| !text.is_empty()).collect();
    let limit: Vec<String> =
        findings.iter().map(|finding| finding.limit.clone()).filter(|text| !text.is_empty()).collect();
    let observed = if claims_seen == 0 { "no NodeClaims".to_owned() } else { text::first_few(&observed, 12) };
    CheckOutcome {
        verdict,
        observed: windows.observed(observed, verdict == Verdict::Fail),
        limit: if limit.is_empty() { "no pool has a limit".to_owned() } else { text::first_few(&limit, 12) },
        evidence: format!("capacity of {} over time", text::count(claims_seen, "NodeClaim")),
    }
}

/// The limits of a pool from each of these moments on: as the log says, and as the plan says where the log does not.
fn in_force(pool: &str, evidence: &Evidence<'_>) -> Option<Vec<(u64, Limits)>> {
    let seen = evidence.source.timelines.nodepools.specs_of(pool);
    if seen.is_empty() {
        let class = evidence.source.plan.node_config.classes.iter().find(|class| class.name == *pool)?;
        return Some(vec![(0, class.limits.clone())]);
    }
    let limits = |spec: &Option<NodePoolSpec>| spec.as_ref().map(|spec| spec.limits.clone()).unwrap_or_default();
    Some(seen.iter().map(|(at_us, spec)| (*at_us, limits(spec))).collect())
}

/// The limit of one resource over time, from the first that is known.
fn over_time(in_force: &[(u64, Limits)], of: fn(&Limits) -> Option<u64>) -> Steps {
    let value = |limits: &Limits| of(limits).map_or(UNLIMITED, |limit| i64::try_from(limit).unwrap_or(UNLIMITED));
    let mut values: Vec<(u64, i64)> = in_force.iter().map(|(at_us, limits)| (*at_us, value(limits))).collect();
    values.dedup_by_key(|(_, value)| *value);
    if let Some(first) = values.first_mut() {
        first.0 = 0;
    }
    Steps::from_values(values)
}

fn claims(pool: &str, evidence: &Evidence<'_>) -> Vec<Claim> {
    let claim = |node: Node<'_>| {
        let placed = node.placed();
        Some(Claim {
            created_us: node.claim.created.or(node.claim.launched)?.at_us(),
            launched_us: node.claim.launched.map(Stamp::at_us),
            gone_us: node.claim.deleted.map(Stamp::at_us),
            cpu: placed.cpu_millicores,
            memory: placed.memory_bytes,
        })
    };
    of_pool(pool, evidence).into_iter().filter_map(claim).collect()
}

/// A resource that a pool can limit.
struct Resource {
    name: &'static str,
    limit: fn(&Limits) -> Option<u64>,
    amount: fn(&Claim) -> Option<u64>,
    show: fn(u64) -> String,
}

const RESOURCES: [Resource; 3] = [
    Resource {
        name: "cpu",
        limit: |limits| limits.cpu.map(|cpu| cpu.0),
        amount: |claim| claim.cpu,
        show: |value| Millicores(value).to_string(),
    },
    Resource {
        name: "memory",
        limit: |limits| limits.memory.map(|memory| memory.0),
        amount: |claim| claim.memory,
        show: mebibytes,
    },
    Resource { name: "nodes", limit: |limits| limits.nodes, amount: |_| Some(1), show: |value| value.to_string() },
];

fn pool_findings(pool: &str, in_force: &[(u64, Limits)], claims: &[Claim], evidence: &Evidence<'_>) -> Vec<Finding> {
    let finding = |Resource { name, limit, amount, show }: Resource| {
        let limit = over_time(in_force, limit);
        if limit.all().iter().all(|(_, value)| *value == UNLIMITED) {
            return None;
        }
        let walked = walk(&limit, claims, amount);
        let mut observed = format!("{pool} {name} at most {}", show(walked.peak));
        let verdict = if let Some(at_us) = walked.violated_us {
            let then = if limit.all().len() > 1 { format!(" ({})", since(&limit, at_us, show)) } else { String::new() };
            observed
                .push_str(&format!(", and a NodeClaim was created over the limit at {}{then}", text::duration(at_us)));
            Verdict::Fail
        } else if walked.unknown > 0 {
            observed.push_str(&format!(", without {} of unknown capacity", text::count(walked.unknown, "NodeClaim")));
            Verdict::Inconclusive
        } else {
            if walked.in_flight {
                observed.push_str(" (the excess was in flight)");
            }
            Verdict::Pass
        };
        let first_us = claims.iter().map(|claim| claim.created_us).min().unwrap_or(0);
        let limit = described(&limit, first_us, evidence.source.horizon.us, show);
        Some(Finding { verdict, observed, limit: format!("{pool} {name} {limit}") })
    };
    RESOURCES.into_iter().filter_map(finding).collect()
}

fn shown(value: i64, show: fn(u64) -> String) -> String {
    if value == UNLIMITED { "unlimited".to_owned() } else { show(value.unsigned_abs()) }
}

/// The limit at a moment, and since when: `4 since 12.0s`.
fn since(limit: &Steps, at_us: u64, show: fn(u64) -> String) -> String {
    let value = shown(limit.at(at_us), show);
    match limit.all().iter().rfind(|(since_us, _)| *since_us <= at_us) {
        Some((since_us, _)) if *since_us > 0 => format!("{value} since {}", text::duration(*since_us)),
        Some(_) | None => value,
    }
}

/// The limit from the first NodeClaim on, and each change until the cleanup: `4, then 50 (from 41.2s)`.
fn described(limit: &Steps, from_us: u64, until_us: u64, show: fn(u64) -> String) -> String {
    let mut text = shown(limit.at(from_us), show);
    for (at_us, value) in limit.all().iter().filter(|(at_us, _)| *at_us > from_us && *at_us < until_us) {
        text.push_str(&format!(", then {} (from {})", shown(*value, show), text::duration(*at_us)));
    }
    text
}

#[derive(Default)]
struct Walked {
    peak: u64,
    /// The first NodeClaim that was created while the launched ones were above the limit.
    violated_us: Option<u64>,
    /// Whether the NodeClaims, those that were not launched yet included, were ever above it.
    in_flight: bool,
    /// Launched NodeClaims whose capacity is not known.
    unknown: u64,
}

fn walk(limit: &Steps, claims: &[Claim], amount: fn(&Claim) -> Option<u64>) -> Walked {
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    enum Step {
        Gone { launched: bool },
        Created,
        Launched,
    }
    let mut walked = Walked::default();
    let mut steps: Vec<(u64, Step, u64)> = Vec::new();
    for claim in claims {
        let Some(size) = amount(claim) else {
            walked.unknown += u64::from(claim.launched_us.is_some());
            continue;
        };
        steps.push((claim.created_us, Step::Created, size));
        steps.extend(claim.launched_us.map(|at_us| (at_us, Step::Launched, size)));
        steps.extend(claim.gone_us.map(|at_us| (at_us, Step::Gone { launched: claim.launched_us.is_some() }, size)));
    }
    steps.sort_unstable();
    let (mut total, mut launched) = (0_u64, 0_u64);
    for (at_us, step, size) in steps {
        match step {
            Step::Created => {
                let around = (at_us.saturating_sub(SEEN_APART_US), at_us.saturating_add(SEEN_APART_US));
                let limit = limit.most_within(around.0, around.1).unsigned_abs();
                if launched > limit {
                    walked.violated_us.get_or_insert(at_us);
                }
                total += size;
                walked.peak = walked.peak.max(total);
                walked.in_flight |= total > limit;
            }
            Step::Launched => launched += size,
            Step::Gone { launched: was_launched } => {
                total = total.saturating_sub(size);
                if was_launched {
                    launched = launched.saturating_sub(size);
                }
            }
        }
    }
    walked
}

/// Memory for people: rounded up to whole MiB, since a peak in bytes says no more.
fn mebibytes(bytes: u64) -> String {
    Bytes(bytes.div_ceil(1 << 20) << 20).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn claim(created_us: u64, launched_us: u64, gone_us: Option<u64>, cpu: u64) -> Claim {
        Claim { created_us, launched_us: Some(launched_us), gone_us, cpu: Some(cpu), memory: None }
    }

    #[rstest]
    #[case::within(vec![claim(0, 1, None, 4), claim(2, 3, None, 4)], 8, None)]
    #[case::the_excess_was_in_flight(vec![claim(0, 5, None, 4), claim(1, 6, None, 8)], 12, None)]
    #[case::asked_at_the_limit(vec![claim(0, 1, None, 10), claim(2, 3, None, 4)], 14, None)]
    #[case::asked_above_the_limit(vec![claim(0, 1, None, 12), claim(2, 3, None, 4)], 16, Some(2))]
    #[case::room_again(vec![claim(0, 1, Some(2), 12), claim(3, 4, None, 4)], 12, None)]
    fn excess_in_flight_is_allowed(#[case] claims: Vec<Claim>, #[case] peak: u64, #[case] violated_us: Option<u64>) {
        let walked = walk(&Steps::from_values([(0, 10)]), &claims, |claim| claim.cpu);
        assert_eq!((walked.peak, walked.violated_us, walked.unknown), (peak, violated_us, 0));
    }

    const S: u64 = 1_000_000;

    #[rstest]
    #[case::before_it_was_seen_to_be_raised(&[(0, 10), (31 * S, 50)], None)]
    #[case::just_after_it_was_seen_to_be_lowered(&[(0, 50), (29 * S + 1, 10)], None)]
    #[case::after_it_was_lowered(&[(0, 50), (20 * S, 10)], Some(30 * S))]
    #[case::after_it_was_raised(&[(0, 10), (20 * S, 50)], None)]
    #[case::after_it_was_removed(&[(0, 10), (20 * S, UNLIMITED)], None)]
    #[case::raised_too_late(&[(0, 10), (40 * S, 50)], Some(30 * S))]
    fn the_limit_in_force_counts(#[case] limit: &[(u64, i64)], #[case] violated_us: Option<u64>) {
        let claims = [claim(0, 1, None, 12), claim(30 * S, 31 * S, None, 4)];
        let walked = walk(&Steps::from_values(limit.iter().copied()), &claims, |claim| claim.cpu);
        assert_eq!(walked.violated_us, violated_us);
    }

    #[test]
    fn unknown_capacity_is_no_evidence() {
        let claims = [Claim { created_us: 0, launched_us: Some(1), gone_us: None, cpu: None, memory: None }];
        assert_eq!(walk(&Steps::from_values([(0, 10)]), &claims, |claim| claim.cpu).unknown, 1);
    }
}
