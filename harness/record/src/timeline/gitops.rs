//! GitRepositories and Kustomizations: when which revision was fetched, applied, healthy.

use std::collections::{BTreeMap, HashMap};

use super::stamp::Stamp;
use crate::event::{Milestone, Reached, attribute};

/// When an object reached the milestone.
#[derive(Clone, Debug)]
struct ByObject {
    uid: Box<str>,
    name: Box<str>,
    stamp: Stamp,
}

/// Every revision's milestones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gitops {
    /// The revision that an object was last seen with: a milestone names it only when it changes.
    revisions: HashMap<Box<str>, String>,
    reached: BTreeMap<(Reached, String), Vec<ByObject>>,
}

impl Gitops {
    pub(crate) fn apply(&mut self, at_us: u64, milestone: &Milestone) {
        let uid = milestone.object.uid.as_str();
        if let Some(revision) = milestone.attributes.get(attribute::REVISION) {
            self.revisions.insert(uid.into(), revision.clone());
        }
        if !matches!(milestone.reached, Reached::Fetched | Reached::Applied | Reached::Healthy) {
            return;
        }
        let Some(revision) = self.revisions.get(uid) else { return };
        let seen = self.reached.entry((milestone.reached, sha(revision).to_owned())).or_default();
        if !seen.iter().any(|known| &*known.uid == uid) {
            let name = milestone.object.name.as_str().into();
            seen.push(ByObject { uid: uid.into(), name, stamp: Stamp::new(at_us, milestone.seen) });
        }
    }

    /// When the first object reached the milestone with this commit.
    pub(crate) fn any(&self, reached: Reached, commit: &str) -> Option<Stamp> {
        self.reached
            .get(&(reached, commit.to_owned()))?
            .iter()
            .map(|known| known.stamp)
            .min_by_key(|stamp| stamp.at_us())
    }

    /// When the object of that name reached the milestone with this commit.
    pub(crate) fn first(&self, name: &str, reached: Reached, commit: &str) -> Option<Stamp> {
        let seen = self.reached.get(&(reached, commit.to_owned()))?;
        seen.iter().find(|known| &*known.name == name).map(|known| known.stamp)
    }
}

/// Flux writes a revision as `branch@sha1:COMMIT`.
fn sha(revision: &str) -> &str {
    revision.rsplit_once(':').map_or(revision, |(_, sha)| sha)
}
