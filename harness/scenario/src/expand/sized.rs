//! How many pods a workload may have at each moment, and why no more.

use std::ops::Range;

use harness_plan::Workload;
use harness_yaml::Mark;

/// A workload and how many of its pods the class can hold.
pub(super) struct Sized {
    pub(super) workload: Workload,
    /// The most of its pods that a node of its class can hold.
    pub(super) per_node: u64,
    /// How many replicas there can be at each moment; more would wait for ever.
    bounds: Vec<Bound>,
    /// The largest number that was cut.
    cut: Option<Cut>,
}

/// How many pods there can be at a moment.
#[derive(Clone)]
pub(super) struct Bound {
    /// By the limits that are in force then; `None` for any number.
    pub(super) pods: Option<u32>,
    /// Why there can be none, or no more.
    pub(super) lack: Lack,
}

/// What keeps pods from a class.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Lack {
    /// The class is not in the tree yet.
    TooEarly,
    /// The class was removed from the tree in an earlier phase, and Flux has pruned it.
    Removed,
    /// Its nodes have a taint that the pods do not tolerate.
    Taint(String),
    /// Its nodes do not carry a label that the pods ask for.
    Label(String),
    /// Its limits and sizes.
    Room,
}

/// More replicas than there is room for.
struct Cut {
    asked: u32,
    bound: u32,
    lack: Lack,
    /// The action that asks for them.
    action: Mark,
    /// From there to the number.
    path: &'static [&'static str],
}

/// A place of the scenario, what is wrong there and what to do about it.
pub(super) struct Note {
    pub(super) action: Mark,
    pub(super) path: &'static [&'static str],
    pub(super) message: String,
    pub(super) hint: String,
}

impl Sized {
    /// Nothing is cut yet. `bounds` are those of all moments.
    pub(super) fn new(workload: Workload, per_node: u64, bounds: Vec<Bound>) -> Self {
        Self { workload, per_node, bounds, cut: None }
    }

    /// The wanted replicas, as far as there is room at one of the moments. `from` are there already.
    pub(super) fn bounded(&mut self, from: u32, replicas: u32, at: Range<usize>, action: Mark) -> u32 {
        self.cut_at(from, replicas, at, action, &["scale", "to"])
    }

    /// Notes pods that nothing can take the place of.
    pub(super) fn replaced(&mut self, count: u32, at: Range<usize>, action: Mark) {
        let is_full = |bound: &Bound| bound.lack == Lack::Room;
        // Each makes its own room.
        if !self.bounds.get(at.clone()).unwrap_or_default().iter().any(is_full) {
            self.cut_at(0, count, at, action, &["replace"]);
        }
    }

    fn cut_at(
        &mut self,
        from: u32,
        replicas: u32,
        at: Range<usize>,
        action: Mark,
        path: &'static [&'static str],
    ) -> u32 {
        let bounds = self.bounds.get(at).unwrap_or_default();
        let Some(most) = bounds.iter().try_fold(0, |most, bound| Some(bound.pods?.max(most))) else {
            return replicas;
        };
        let lack = bounds.last().map_or(Lack::Room, |bound| bound.lack.clone());
        // Nodes keep the labels and taints that they were made with.
        let stay = replicas <= from && matches!(lack, Lack::Taint(_) | Lack::Label(_));
        if stay || replicas <= most {
            return replicas;
        }
        if self.cut.as_ref().is_none_or(|cut| cut.asked < replicas) {
            self.cut = Some(Cut { asked: replicas, bound: most, lack, action, path });
        }
        most
    }

    /// What was cut, what to do about it, and where it is asked for.
    pub(super) fn note(&self) -> Option<Note> {
        let Cut { asked, bound, lack, action, path } = self.cut.as_ref()?;
        let Workload { name, class, .. } = &self.workload;
        let (why, hint) = match lack {
            Lack::TooEarly => (
                format!("a later commit adds the class `{class}`"),
                "let the commit come first, or wait for the pods after it".to_owned(),
            ),
            Lack::Removed => (
                format!("an earlier phase has removed the class `{class}` from the tree, and Flux has pruned it"),
                format!("bring it back before, or protect it with the annotation `{PROTECTION}`; {PENDING}"),
            ),
            Lack::Taint(taint) => (
                format!("the nodes of `{class}` then have the taint {taint}, which its pods do not tolerate"),
                format!("leave `tolerations` out, so that the pods have those of the class; {PENDING}"),
            ),
            Lack::Label(label) => (
                format!("no node of `{class}` then carries the label {label}"),
                format!("leave it out of `nodeSelector`, or let the commit keep it; {PENDING}"),
            ),
            Lack::Room if *bound == 0 => {
                (format!("no node that `{class}` may have then holds one"), format!("{ROOM}; {PENDING}"))
            }
            Lack::Room => (format!("more do not fit into the limits of `{class}`"), format!("{ROOM}; {PENDING}")),
        };
        let message = format!("`{name}` has {bound} pods where the scenario asks for {asked}: {why}");
        Some(Note { action: *action, path, message, hint })
    }
}

const ROOM: &str = "ask for fewer or smaller pods, or give the pool more room before";
/// What a workload says of pods that are meant to wait.
const PENDING: &str = "where some are to wait for nodes, mark the workload `awaited: false`";
/// With this annotation Flux does not prune an object.
pub(super) const PROTECTION: &str = "kustomize.toolkit.fluxcd.io/prune: disabled";

/// How many pods two classes hold together at each moment.
pub(super) fn together(first: Vec<Bound>, second: Vec<Bound>) -> Vec<Bound> {
    let both = |(first, second): (Bound, Bound)| Bound {
        pods: first.pods.zip(second.pods).map(|(first, second)| first.saturating_add(second)),
        // What comes later says less than what is there.
        lack: if first.lack == Lack::TooEarly || second.lack == Lack::Room { second.lack } else { first.lack },
    };
    first.into_iter().zip(second).map(both).collect()
}
