//! From a plan and a log to the result.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;

use harness_plan::Plan;
use jiff::Timestamp;

use super::cross_check::cross_check;
use super::run::{Latency, RunInfo, RunResult};
use super::{inventory, ledger, rows, system, tally, warnings};
use crate::cost::cost;
use crate::event::EndReason;
use crate::exit_code::ExitCode;
use crate::latency::{Groups, Source, collect};
use crate::log::{LogError, Truncated, read_log};
use crate::result::LeakedObject;
use crate::timeline::{Horizon, Join, Readiness, Slots, Timelines, node_steps, pod_steps};
use crate::verdict::{Evidence, Verdict, check, reasons};

impl RunResult {
    /// Reads a log and computes the result, in memory that grows with objects and samples, not with events.
    ///
    /// # Errors
    /// The log cannot be read, is of another version, or has a corrupt line that is not its last ([`LogError`]). A cut last line
    /// is not an error but a warning of the result.
    pub fn read<R: BufRead>(plan: &Plan, reader: R) -> Result<Self, LogError> {
        let mut log = read_log(reader)?;
        let mut timelines = Timelines::of_plan(plan);
        for event in &mut log {
            timelines.apply(&event?);
        }
        timelines.skipped = log.skipped().clone();
        Ok(Self::from_timelines(plan, &timelines, log.truncated()))
    }

    /// Computes the result from folded events ([`Timelines::of_plan`] of the same plan, otherwise expectations on how often
    /// something happened are inconclusive); `truncated` says that the log's last line was cut.
    pub fn from_timelines(plan: &Plan, timelines: &Timelines, truncated: Option<Truncated>) -> Self {
        let horizon = Horizon::of(timelines);
        let join = Join::of(timelines);
        let slots = Slots::of(plan, timelines, &horizon);
        let mut names = timelines.names.clone();
        for workload in &plan.workloads {
            names.intern(&workload.name);
            names.intern(&workload.class);
        }
        for object in &plan.objects {
            names.intern(&object.name);
        }
        for kustomization in timelines.gitops.kustomizations() {
            names.intern(kustomization);
        }
        let readiness = Readiness::of(&timelines.pods);
        let source = Source {
            plan,
            timelines,
            join: &join,
            slots: &slots,
            horizon: &horizon,
            names: &names,
            readiness: &readiness,
        };
        let groups = collect(&source);
        let evidence = Evidence { source: &source, groups: &groups };

        let mut expectations: Vec<_> =
            plan.expectations.iter().map(|expectation| check(expectation, &evidence)).collect();
        let leaks: BTreeSet<(String, String)> = timelines.leaks.iter().cloned().collect();
        let ended = timelines.ended.as_ref().map(|(reason, _)| *reason);
        let verdict = overall(
            expectations.iter().map(|expectation| expectation.verdict),
            ended,
            !leaks.is_empty(),
            timelines.audits.observations_lost(),
            timelines.actions.undone().next().is_some(),
        );
        let ledger = ledger::check(&source);
        let verdict = verdict.and(ledger.as_ref().map_or(Verdict::Pass, |ledger| ledger.verdict));
        let mut reasons = reasons(&evidence, &expectations, &leaks);
        if let Some(ledger) = ledger.filter(|ledger| ledger.verdict != Verdict::Pass) {
            reasons.put_first(ledger.reason);
        }
        let cross_check = cross_check(&source);
        let mut warnings = warnings::warnings(&evidence, truncated, cross_check.as_ref());
        let (mut verdict, mut differences) = (verdict, Vec::new());
        if let Some(check) = inventory::check(timelines) {
            verdict = verdict.and(check.row.verdict);
            if let Some(reason) = check.reason {
                reasons.put_first(reason);
            }
            warnings.extend(check.notes.iter().map(|note| format!("not of this run: {note}")));
            expectations.push(check.row);
            differences = check.differences;
        }
        if verdict == Verdict::Inconclusive && reasons.all.is_empty() {
            reasons.line = match timelines.audits.observations_lost() {
                0 => "nothing was checked: the plan has no expectations".to_owned(),
                lost => format!("{lost} observations were lost: what was not seen may have been otherwise"),
            };
            reasons.all.push(reasons.line.clone());
        }
        let is_as_before = leaks.is_empty() && differences.is_empty();
        Self {
            run: info(plan, timelines),
            verdict,
            exit_code: ExitCode::of_run(ended, !is_as_before, verdict),
            reason: reasons.line,
            reasons: reasons.all,
            expectations,
            nodes: rows::nodes(&source),
            pods_over_time: pod_steps(timelines),
            nodes_over_time: node_steps(timelines, &join),
            phases: rows::phases(&source),
            actions: rows::actions(&source),
            counts: tally::counts(&source),
            cost: cost(timelines),
            system: system::shares(&source),
            published: tally::published(&source, &groups),
            simulated: timelines.header.as_ref().map(|header| header.simulated.clone()).unwrap_or_default(),
            leaks: leaks.into_iter().map(|(kind, name)| LeakedObject { kind, name }).collect(),
            differences,
            azure_failures: tally::azure_failures(&source),
            controller_reasons: tally::controller_reasons(&source),
            self_audit: tally::self_audit(&source),
            usage: tally::usage(&source),
            cross_check,
            warnings,
            latencies: latencies(groups),
        }
    }
}

/// The conjunction of the expectations, and never a pass where the run has no proper end, observations were lost, an action of the plan failed, or
/// nothing was checked. Something left behind is a failure: that a run leaves nothing is an expectation of every run.
fn overall(
    expectations: impl Iterator<Item = Verdict>,
    ended: Option<EndReason>,
    left_behind: bool,
    observations_lost: u64,
    action_failed: bool,
) -> Verdict {
    let mut verdict = expectations.reduce(Verdict::and).unwrap_or(Verdict::Inconclusive);
    if left_behind {
        verdict = Verdict::Fail;
    }
    if ended != Some(EndReason::Completed) || observations_lost > 0 || action_failed {
        verdict = verdict.and(Verdict::Inconclusive);
    }
    verdict
}

fn info(plan: &Plan, timelines: &Timelines) -> RunInfo {
    let header = timelines.header.as_ref();
    let text = |read: fn(&crate::event::RunStarted) -> &String| header.map(|it| read(it).clone()).unwrap_or_default();
    let (ended, ended_detail) = match &timelines.ended {
        Some((reason, detail)) => (Some(*reason), detail.clone()),
        None => (None, String::new()),
    };
    RunInfo {
        id: text(|it| &it.run_id),
        scenario: plan.scenario.clone(),
        question: plan.question.clone(),
        profile: plan.profile.to_string(),
        target: text(|it| &it.target),
        seed: header.map_or(plan.seed, |it| it.seed),
        harness: text(|it| &it.harness),
        started_at: header.map_or(Timestamp::UNIX_EPOCH, |it| it.started_at),
        duration_us: timelines.last_us,
        command: text(|it| &it.command),
        versions: header.map(|it| it.versions.clone()).unwrap_or_default(),
        parameters: plan.parameters.clone(),
        node_config: plan.node_config.source.clone(),
        node_config_sha256: plan.node_config.sha256.clone(),
        ended,
        ended_detail,
    }
}

fn latencies(groups: Groups) -> Vec<Latency> {
    let rows = groups.into_rows().into_iter().map(|(name, group, samples)| Latency {
        name,
        labels: group.map(|(by, value)| BTreeMap::from([(by.as_str().to_owned(), value)])).unwrap_or_default(),
        stats: samples.stats(),
        samples,
    });
    rows.collect()
}
