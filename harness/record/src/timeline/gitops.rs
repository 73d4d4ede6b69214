//! GitRepositories and Kustomizations: when each revision was fetched, applied, healthy, or failed.

use std::collections::HashMap;

use super::stamp::Stamp;
use crate::event::{Milestone, ObjectKind, Reached, attribute};

/// The GitRepository of the run and the Kustomization that applies the tree from its top.
pub(crate) const ROOT: &str = "node-config";

/// One report of a Flux object about a revision.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FluxStep {
    pub(crate) at: Stamp,
    pub(crate) kind: ObjectKind,
    pub(crate) name: Box<str>,
    pub(crate) reached: Reached,
    /// The commit's SHA; empty where it is not about one.
    pub(crate) commit: Box<str>,
    /// Why it failed, where it did.
    pub(crate) reason: Box<str>,
    /// The controller's message, where it failed.
    pub(crate) message: Box<str>,
}

/// Everything that Flux reported. A run has some hundreds of such steps at most.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gitops {
    /// The revision that an object was last seen with: earlier versions of the log name it only when it changes.
    revisions: HashMap<Box<str>, String>,
    /// In the order of the log.
    steps: Vec<FluxStep>,
    /// When each Kustomization was first seen, and when it was gone for good.
    presences: Vec<Presence>,
}

/// From when to when a Kustomization of a name existed.
#[derive(Clone, Debug)]
struct Presence {
    name: Box<str>,
    from_us: u64,
    gone_us: Option<u64>,
}

impl Gitops {
    pub(crate) fn apply(&mut self, at_us: u64, milestone: &Milestone) {
        let object = &milestone.object;
        self.track_presence(at_us, milestone);
        if let Some(revision) = milestone.attributes.get(attribute::REVISION) {
            self.revisions.insert(object.uid.as_str().into(), revision.clone());
        }
        let of_a_revision = matches!(milestone.reached, Reached::Fetched | Reached::Applied | Reached::Healthy);
        if !of_a_revision && !matches!(milestone.reached, Reached::Failed | Reached::Waiting) {
            return;
        }
        let revision = if of_a_revision {
            self.revisions.get(object.uid.as_str())
        } else {
            milestone.attributes.get(attribute::REVISION)
        };
        let reason = milestone.attributes.get(attribute::REASON);
        self.steps.push(FluxStep {
            at: Stamp::new(at_us, milestone.seen),
            kind: object.kind,
            name: object.name.as_str().into(),
            reached: milestone.reached,
            commit: revision.map_or("", |revision| sha(revision)).into(),
            reason: reason.map_or("", String::as_str).into(),
            message: milestone.attributes.get(attribute::SAYS).map_or("", String::as_str).into(),
        });
    }

    fn track_presence(&mut self, at_us: u64, milestone: &Milestone) {
        if milestone.object.kind != ObjectKind::Kustomization {
            return;
        }
        let name = milestone.object.name.as_str();
        let gone_us = (milestone.reached == Reached::Deleted).then_some(at_us);
        match self.presences.iter_mut().find(|presence| &*presence.name == name) {
            Some(presence) => presence.gone_us = gone_us,
            None => self.presences.push(Presence { name: name.into(), from_us: at_us, gone_us }),
        }
    }

    /// The reports of a Kustomization, in the order of the log.
    pub(crate) fn steps_of(&self, kustomization: &str) -> impl Iterator<Item = &FluxStep> {
        self.steps.iter().filter(move |step| step.kind == ObjectKind::Kustomization && &*step.name == kustomization)
    }

    /// The reports of every GitRepository and Kustomization, in the order of the log.
    pub(crate) fn steps(&self) -> &[FluxStep] {
        &self.steps
    }

    /// Forgets what was reported from this moment on; unless `all`, only what failed.
    pub(crate) fn forget_from(&mut self, from_us: u64, all: bool) {
        let failed = |step: &FluxStep| matches!(step.reached, Reached::Failed | Reached::Waiting);
        self.steps.retain(|step| step.at.at_us() < from_us || !(all || failed(step)));
    }

    /// The names of all Kustomizations that were seen, the root's first.
    pub(crate) fn kustomizations(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.presences.iter().map(|presence| &*presence.name).collect();
        names.sort_by_key(|name| (*name != ROOT, *name));
        names
    }

    /// Whether a Kustomization existed at a moment, as far as is known.
    pub(crate) fn existed(&self, kustomization: &str, at_us: u64) -> bool {
        let presence = self.presences.iter().find(|presence| &*presence.name == kustomization);
        presence
            .is_some_and(|presence| presence.from_us <= at_us && presence.gone_us.is_none_or(|gone_us| gone_us > at_us))
    }

    /// When the artifact of this commit was first stored.
    pub(crate) fn fetched(&self, commit: &str) -> Option<Stamp> {
        let of_source = |step: &&FluxStep| step.kind == ObjectKind::GitRepository && step.reached == Reached::Fetched;
        earliest(self.steps.iter().filter(of_source), commit)
    }

    /// When a Kustomization first reached the milestone with this commit.
    pub(crate) fn first(&self, kustomization: &str, reached: Reached, commit: &str) -> Option<Stamp> {
        earliest(self.steps_of(kustomization).filter(|step| step.reached == reached), commit)
    }
}

fn earliest<'a>(steps: impl Iterator<Item = &'a FluxStep>, commit: &str) -> Option<Stamp> {
    steps.filter(|step| &*step.commit == commit).map(|step| step.at).min_by_key(|stamp| stamp.at_us())
}

/// Flux writes a revision as `branch@sha1:COMMIT`.
fn sha(revision: &str) -> &str {
    revision.rsplit_once(':').map_or(revision, |(_, sha)| sha)
}
