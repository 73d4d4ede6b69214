//! Did the pools respect their limits?
//!
//! Karpenter refuses a NodeClaim when the pool is above a limit already; NodeClaims that it has just created and does not
//! count yet can carry it over (sigs.k8s.io/karpenter `pkg/controllers/provisioning/provisioner.go`, `Create`, and
//! `scheduling/scheduler.go`, `subtractMax`). So a violation is a NodeClaim that was created while the capacity of the launched ones
//! alone was above the limit; everything else is the limit plus what was in flight.

use harness_plan::{Limits, PoolLimits};
use harness_units::{Bytes, Millicores};

use super::nodes::{Node, of_pool};
use super::outcome::{CheckOutcome, Evidence, Verdict};
use super::window::Windows;
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

pub(super) fn check(check: &PoolLimits, evidence: &Evidence<'_>) -> CheckOutcome {
    let plan = evidence.source.plan;
    let mut findings = Vec::new();
    let mut claims_seen = 0;
    for pool in check.nodepools.names() {
        let claims = claims(pool, evidence);
        claims_seen += claims.len() as u64;
        let Some(class) = plan.node_config.classes.iter().find(|class| class.name == *pool) else {
            findings.push(Finding {
                verdict: Verdict::Inconclusive,
                observed: format!("{pool} is not in the plan's node configuration"),
                limit: String::new(),
            });
            continue;
        };
        findings.extend(pool_findings(pool, &class.limits, &claims));
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

fn pool_findings(pool: &str, limits: &Limits, claims: &[Claim]) -> Vec<Finding> {
    let cpu = (limits.cpu.map(|cpu| cpu.0), "cpu", (|value| Millicores(value).to_string()) as fn(u64) -> String);
    let memory = (limits.memory.map(|memory| memory.0), "memory", mebibytes as fn(u64) -> String);
    let nodes = (limits.nodes, "nodes", (|value| value.to_string()) as fn(u64) -> String);
    let amounts: [fn(&Claim) -> Option<u64>; 3] = [|claim| claim.cpu, |claim| claim.memory, |_| Some(1)];
    [cpu, memory, nodes]
        .into_iter()
        .zip(amounts)
        .filter_map(|((limit, what, show), amount)| {
            let limit = limit?;
            let walked = walk(limit, claims, amount);
            let mut observed = format!("{pool} {what} at most {}", show(walked.peak));
            let verdict = if let Some(at_us) = walked.violated_us {
                observed
                    .push_str(&format!(", and a NodeClaim was created over the limit at {}", text::duration(at_us)));
                Verdict::Fail
            } else if walked.unknown > 0 {
                observed
                    .push_str(&format!(", without {} of unknown capacity", text::count(walked.unknown, "NodeClaim")));
                Verdict::Inconclusive
            } else {
                if walked.peak > limit {
                    observed.push_str(" (the excess was in flight)");
                }
                Verdict::Pass
            };
            Some(Finding { verdict, observed, limit: format!("{pool} {what} {}", show(limit)) })
        })
        .collect()
}

#[derive(Default)]
struct Walked {
    peak: u64,
    /// The first NodeClaim that was created while the launched ones were above the limit.
    violated_us: Option<u64>,
    /// Launched NodeClaims whose capacity is not known.
    unknown: u64,
}

fn walk(limit: u64, claims: &[Claim], amount: fn(&Claim) -> Option<u64>) -> Walked {
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
                if launched > limit {
                    walked.violated_us.get_or_insert(at_us);
                }
                total += size;
                walked.peak = walked.peak.max(total);
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
        let walked = walk(10, &claims, |claim| claim.cpu);
        assert_eq!((walked.peak, walked.violated_us, walked.unknown), (peak, violated_us, 0));
    }

    #[test]
    fn unknown_capacity_is_no_evidence() {
        let claims = [Claim { created_us: 0, launched_us: Some(1), gone_us: None, cpu: None, memory: None }];
        assert_eq!(walk(10, &claims, |claim| claim.cpu).unknown, 1);
    }
}
