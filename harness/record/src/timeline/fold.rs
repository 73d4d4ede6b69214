//! The fold.

use super::actions::Actions;
use super::audit::Audits;
use super::azure::{Azure, VmTimeline};
use super::fields::Fields;
use super::gitops::Gitops;
use super::nodepools::Nodepools;
use super::nodes::Nodes;
use super::occurrences::Occurrences;
use super::others::Others;
use super::phases::{CLEANUP, Phases};
use super::pods::Pods;
use super::reasons::Reasons;
use super::refusals::Refusals;
use super::usage::UsageCurves;
use crate::names::Names;
use harness_plan::Plan;

use crate::event::{
    DaemonSetRequests, EndReason, Event, EventKind, Found, Milestone, Notification, ObjectKind, Reached, RunStarted,
};
use crate::log::Skipped;

/// The milestones of every object, action and phase: the fold of a log's events.
///
/// Pure and total: any sequence of events can be applied, also a log that was cut. Events of different objects may be in any
/// order; those of one object must be in theirs. Memory grows with objects, not with events: about 250 bytes a pod.
///
/// What cleanup makes does not count: it starts killed components again, ends faults and deletes. From its start on, the end of objects is
/// followed; nodes on their way are followed too where cleanup had nothing to mend.
#[derive(Clone, Debug, Default)]
pub struct Timelines {
    pub(crate) header: Option<RunStarted>,
    pub(crate) events: u64,
    pub(crate) last_us: u64,
    pub(crate) names: Names,
    pub(crate) pods: Pods,
    pub(crate) nodepools: Nodepools,
    pub(crate) nodes: Nodes,
    pub(crate) azure: Azure,
    pub(crate) refusals: Refusals,
    pub(crate) actions: Actions,
    pub(crate) gitops: Gitops,
    pub(crate) fields: Fields,
    pub(crate) phases: Phases,
    pub(crate) audits: Audits,
    pub(crate) reasons: Reasons,
    pub(crate) occurrences: Occurrences,
    pub(crate) usage: UsageCurves,
    /// Notifications that Flux sent to the run's webhook, each with its time, in the order of the log.
    pub(crate) notifications: Vec<(u64, Notification)>,
    pub(crate) leaks: Vec<(String, String)>,
    /// What the preparation waits for.
    pub(crate) awaited: Option<String>,
    /// What earlier runs had left on the target.
    pub(crate) found: Vec<Found>,
    /// What runs on every node whatever is deployed.
    pub(crate) daemon_sets: Vec<DaemonSetRequests>,
    /// What is not the run's.
    pub(crate) others: Others,
    /// What the reader skipped, because the log is of a newer minor version.
    pub(crate) skipped: Skipped,
    pub(crate) ended: Option<(EndReason, String)>,
    /// Whether cleanup had a component to start or a fault to end.
    mended: bool,
}

impl Timelines {
    /// Nothing has happened yet; occurrences that the plan's expectations count will be counted.
    pub fn of_plan(plan: &Plan) -> Self {
        Self {
            actions: Actions::of(plan),
            occurrences: Occurrences::of(plan),
            usage: UsageCurves::of(plan),
            ..Self::default()
        }
    }

    /// Whether a VM is one that Azure may take back.
    pub(crate) fn is_spot(&self, vm: &VmTimeline) -> bool {
        self.names.text(vm.placed.capacity_type) == "spot"
    }

    /// Adds one event.
    pub fn apply(&mut self, event: &Event) {
        let at_us = event.at_us;
        self.events += 1;
        self.last_us = self.last_us.max(at_us);
        self.occurrences.apply(event);
        match &event.kind {
            EventKind::RunStarted(header) => self.header = Some(header.clone()),
            EventKind::PhaseBegan { phase } => {
                self.phases.began(at_us, phase);
                if phase == CLEANUP {
                    self.forget_from(at_us);
                }
            }
            EventKind::PhaseEnded { phase, outcome, detail } => {
                self.awaited = None;
                self.phases.ended(at_us, phase, *outcome, detail);
            }
            EventKind::Awaited { what } => self.awaited = Some(what.clone()),
            EventKind::Found(found) => self.found.push(found.clone()),
            EventKind::Inventory(inventory) => self.others.apply_inventory(inventory),
            EventKind::DaemonSets { all } => self.daemon_sets.clone_from(all),
            EventKind::Others(event) => self.others.apply(at_us, event, &mut self.names),
            EventKind::Action(action) => self.actions.all.push(action.clone()),
            EventKind::Effect(effect) => self.actions.effect(at_us, effect),
            EventKind::Milestone(milestone) if self.is_cleanups(at_us, milestone) => {}
            EventKind::Milestone(milestone) => match milestone.object.kind {
                ObjectKind::Pod => self.pods.apply(at_us, milestone, &mut self.names),
                ObjectKind::NodeClaim => self.nodes.apply_claim(at_us, milestone, &mut self.names),
                ObjectKind::Node => self.nodes.apply_node(at_us, milestone, &mut self.names),
                ObjectKind::GitRepository | ObjectKind::Kustomization => self.gitops.apply(at_us, milestone),
                ObjectKind::NodePool => self.nodepools.apply(at_us, milestone),
            },
            EventKind::Azure(fact) => {
                self.azure.apply(fact, &mut self.names);
                self.refusals.apply(fact);
            }
            EventKind::Ledger(ledger) => self.azure.ledger = Some(ledger.clone()),
            EventKind::NodePool(spec) => self.nodepools.apply_spec(at_us, spec),
            EventKind::Reason(_) if self.is_in_cleanup(at_us) => {}
            EventKind::Reason(reason) => self.reasons.apply(at_us, reason),
            EventKind::Field(field) => self.fields.apply(at_us, field),
            EventKind::Audit(audit) => self.audits.apply(audit),
            EventKind::Usage { processes } => {
                self.audits.usage(processes);
                self.usage.apply(at_us, processes);
            }
            EventKind::Notified(notification) => self.notifications.push((at_us, notification.clone())),
            EventKind::Leak { kind, name } => self.leaks.push((kind.clone(), name.clone())),
            EventKind::RunEnded { reason, detail } => {
                // Of two reasons the larger one wins.
                if self.ended.as_ref().is_none_or(|(known, _)| known <= reason) {
                    self.ended = Some((*reason, detail.clone()));
                }
            }
        }
    }

    fn is_in_cleanup(&self, at_us: u64) -> bool {
        self.phases.cleanup_began_us().is_some_and(|began_us| at_us >= began_us)
    }

    /// Whether cleanup made an object reach this.
    fn is_cleanups(&self, at_us: u64, milestone: &Milestone) -> bool {
        let uid = milestone.object.uid.as_str();
        let ends = matches!(milestone.reached, Reached::NotReady | Reached::Deleting | Reached::Deleted);
        self.is_in_cleanup(at_us)
            && match milestone.object.kind {
                ObjectKind::Pod => !ends || !self.pods.has(uid),
                ObjectKind::NodeClaim | ObjectKind::Node => !self.nodes.has(uid) || self.mended && !ends,
                ObjectKind::GitRepository | ObjectKind::Kustomization => {
                    self.mended || matches!(milestone.reached, Reached::Failed | Reached::Waiting)
                }
                ObjectKind::NodePool => true,
            }
    }

    /// Forgets what is in the log before the start of cleanup and was seen after it: the watches write beside the run.
    fn forget_from(&mut self, cleanup_us: u64) {
        self.mended = self.refusals.faults > 0 || self.actions.kills().any(|(_, _, again_us)| again_us.is_none());
        self.occurrences.end_at(cleanup_us);
        self.pods.forget_from(cleanup_us);
        self.nodes.forget_from(cleanup_us, self.mended);
        self.nodepools.forget_from(cleanup_us);
        self.gitops.forget_from(cleanup_us, self.mended);
        self.reasons.forget_from(cleanup_us);
    }
}
