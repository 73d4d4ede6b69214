//! Occurrences that the plan's expectations count.

use std::fmt;

use harness_plan::{Check, EventPattern, OccurrenceKind, Plan};

use super::reasons::is_schedulers;
use crate::event::Event;
use crate::occurrence::{Counter, Occurrence};

/// Length of a quoted message, characters.
const QUOTE_MAX: usize = 300;

/// The occurrences that match one pattern.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OccurrenceTally {
    pattern: EventPattern,
    /// Whether only occurrences of pods count: a ReplicaSet has a workload too.
    pods_only: bool,
    /// Microseconds since the run began and the object's name, in the order of the log.
    pub(crate) times: Vec<(u64, Box<str>)>,
    /// The first with a message. One that says why takes precedence over one that says only that no node fits.
    pub(crate) quote: Option<Quote>,
}

/// An occurrence's own words.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Quote {
    at_us: u64,
    /// The object's name.
    pub(crate) name: String,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Quote {
    /// Whether it says only that no node has room.
    pub(crate) fn is_schedulers(&self) -> bool {
        is_schedulers(&self.message)
    }
}

impl fmt::Display for Quote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.name, self.code, self.message)
    }
}

/// Tallies of everything that the plan counts. Memory grows with the occurrences, not with the events.
#[derive(Clone, Debug, Default)]
pub(crate) struct Occurrences {
    counter: Counter,
    tallies: Vec<OccurrenceTally>,
    /// Later ones do not count.
    until_us: Option<u64>,
}

impl Occurrences {
    pub(crate) fn of(plan: &Plan) -> Self {
        let mut occurrences = Self::default();
        for expectation in &plan.expectations {
            match &expectation.check {
                Check::Happened(check) => occurrences.count(check.pattern.clone(), false),
                Check::Notified(check) => occurrences.count(check.notification.pattern(), false),
                Check::Pending(check) => {
                    for workload in check.workloads.names() {
                        occurrences.count(reason_about(workload, None), true);
                        occurrences.count(reason_about(workload, check.message_contains.as_deref()), true);
                    }
                }
                Check::Unready(check) => {
                    for workload in check.workloads.names() {
                        occurrences.count(reason_about(workload, None), true);
                    }
                }
                _ => {}
            }
        }
        for workload in plan.workloads.iter().filter(|workload| workload.stays_pending) {
            occurrences.count(nominated(&workload.name), true);
        }
        occurrences
    }

    fn count(&mut self, pattern: EventPattern, pods_only: bool) {
        if self.find(&pattern, pods_only).is_none() {
            self.tallies.push(OccurrenceTally { pattern, pods_only, times: Vec::new(), quote: None });
        }
    }

    fn find(&self, pattern: &EventPattern, pods_only: bool) -> Option<&OccurrenceTally> {
        self.tallies.iter().find(|tally| tally.pattern == *pattern && tally.pods_only == pods_only)
    }

    /// The occurrences of a pattern; `None` where the plan does not count it.
    pub(crate) fn tally(&self, pattern: &EventPattern) -> Option<&OccurrenceTally> {
        self.find(pattern, false)
    }

    /// Why a workload's pods have no node, in a controller's words; with this part in them.
    pub(crate) fn reason_about(&self, workload: &str, part: Option<&str>) -> Option<&Quote> {
        self.find(&reason_about(workload, part), true)?.quote.as_ref()
    }

    /// Pods of a workload for which Karpenter has created, or has, a node.
    pub(crate) fn nominated(&self, workload: &str) -> Option<&OccurrenceTally> {
        self.find(&nominated(workload), true)
    }

    /// Counts nothing that happened at this moment or later.
    pub(crate) fn end_at(&mut self, until_us: u64) {
        self.until_us = Some(until_us);
        for tally in &mut self.tallies {
            tally.times.retain(|(at_us, _)| *at_us < until_us);
            tally.quote.take_if(|quote| quote.at_us >= until_us);
        }
    }

    pub(crate) fn apply(&mut self, event: &Event) {
        if self.tallies.is_empty() {
            return;
        }
        let Self { counter, tallies, .. } = self;
        let Some(occurrence) = counter.learn(event) else { return };
        if self.until_us.is_some_and(|until_us| occurrence.at_us >= until_us) {
            return;
        }
        for tally in tallies {
            if occurrence.is(&tally.pattern) && (!tally.pods_only || occurrence.kind == "Pod") {
                tally.add(&occurrence);
            }
        }
    }
}

impl OccurrenceTally {
    fn add(&mut self, occurrence: &Occurrence<'_>) {
        self.times.push((occurrence.at_us, occurrence.name.into()));
        let says_more = match &self.quote {
            None => !occurrence.message.is_empty(),
            Some(known) => known.is_schedulers() && !is_schedulers(occurrence.message),
        };
        if says_more {
            let message = crate::text::one_line(occurrence.message, QUOTE_MAX);
            let (name, code) = (occurrence.name.to_owned(), occurrence.code.to_owned());
            self.quote = Some(Quote { at_us: occurrence.at_us, name, code, message });
        }
    }
}

fn reason_about(workload: &str, part: Option<&str>) -> EventPattern {
    EventPattern {
        workload: Some(workload.to_owned()),
        message_contains: part.map(str::to_owned),
        ..EventPattern::any(OccurrenceKind::Reason)
    }
}

/// `Pod should schedule on: nodeclaim/...` (sigs.k8s.io/karpenter `pkg/controllers/provisioning/scheduling/events.go`).
fn nominated(workload: &str) -> EventPattern {
    EventPattern { code: Some("Nominated".to_owned()), ..reason_about(workload, Some("nodeclaim/")) }
}
