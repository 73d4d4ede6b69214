//! How often what the plan's expectations ask about has happened.

use harness_plan::{Check, EventPattern, OccurrenceKind, Plan};

use super::reasons::is_schedulers;
use crate::event::Event;
use crate::happening::{Counter, Occurrence};

/// Messages that are quoted at most, characters.
const QUOTE: usize = 300;

/// One thing that is asked about, and when it happened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    of: EventPattern,
    /// Whether only what happened to pods counts: a ReplicaSet has a workload too.
    pods_only: bool,
    /// Microseconds since the run began and the object's name, in the order of the log.
    pub(crate) times: Vec<(u64, Box<str>)>,
    /// The first that said something, one that says why before one that says only that there is no place: the object's name, the
    /// code, the message.
    pub(crate) said: Option<(String, String, String)>,
}

/// What is asked about. Memory grows with what happened of it, not with events.
#[derive(Clone, Debug, Default)]
pub(crate) struct Happened {
    counter: Counter,
    asked: Vec<Told>,
}

impl Happened {
    pub(crate) fn of(plan: &Plan) -> Self {
        let mut happened = Self::default();
        for expectation in &plan.expectations {
            match &expectation.check {
                Check::Happened(check) => happened.ask(check.pattern.clone(), false),
                Check::Notified(check) => happened.ask(check.notification.pattern(), false),
                Check::Pending(check) => {
                    for workload in check.workloads.names() {
                        happened.ask(reason_about(workload, None), true);
                        happened.ask(reason_about(workload, check.message_contains.as_deref()), true);
                    }
                }
                _ => {}
            }
        }
        for workload in plan.workloads.iter().filter(|workload| workload.stays_pending) {
            happened.ask(nominated(&workload.name), true);
        }
        happened
    }

    fn ask(&mut self, of: EventPattern, pods_only: bool) {
        if self.find(&of, pods_only).is_none() {
            self.asked.push(Told { of, pods_only, times: Vec::new(), said: None });
        }
    }

    fn find(&self, of: &EventPattern, pods_only: bool) -> Option<&Told> {
        self.asked.iter().find(|told| told.of == *of && told.pods_only == pods_only)
    }

    /// How often it happened; `None` where it was not asked about before the fold.
    pub(crate) fn told(&self, of: &EventPattern) -> Option<&Told> {
        self.find(of, false)
    }

    /// Reasons about a workload's pods, with this part in their message.
    pub(crate) fn reasons_about(&self, workload: &str, says: Option<&str>) -> Option<&Told> {
        self.find(&reason_about(workload, says), true)
    }

    /// Pods of a workload that Karpenter made or has a node for.
    pub(crate) fn nominated(&self, workload: &str) -> Option<&Told> {
        self.find(&nominated(workload), true)
    }

    pub(crate) fn apply(&mut self, event: &Event) {
        if self.asked.is_empty() {
            return;
        }
        let Self { counter, asked } = self;
        let Some(occurrence) = counter.learn(event) else { return };
        for told in asked {
            if occurrence.is(&told.of) && (!told.pods_only || occurrence.kind == "Pod") {
                told.take(&occurrence);
            }
        }
    }
}

impl Told {
    fn take(&mut self, occurrence: &Occurrence<'_>) {
        self.times.push((occurrence.at_us, occurrence.name.into()));
        let says_more = match &self.said {
            None => !occurrence.message.is_empty(),
            Some((_, _, known)) => is_schedulers(known) && !is_schedulers(occurrence.message),
        };
        if says_more {
            let message = crate::text::line(occurrence.message, QUOTE);
            self.said = Some((occurrence.name.to_owned(), occurrence.code.to_owned(), message));
        }
    }
}

fn reason_about(workload: &str, says: Option<&str>) -> EventPattern {
    EventPattern {
        workload: Some(workload.to_owned()),
        message_contains: says.map(str::to_owned),
        ..EventPattern::any(OccurrenceKind::Reason)
    }
}

/// `Pod should schedule on: nodeclaim/...` (sigs.k8s.io/karpenter `pkg/controllers/provisioning/scheduling/events.go`).
fn nominated(workload: &str) -> EventPattern {
    EventPattern { code: Some("Nominated".to_owned()), ..reason_about(workload, Some("nodeclaim/")) }
}
