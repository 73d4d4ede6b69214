//! Causes: what went wrong first, as data.

use std::collections::BTreeSet;

use harness_plan::Component;

use crate::event::EndReason;
use crate::timeline::{DISRUPTION_BLOCKED, Spell};

/// What a cause or a symptom is about, and when, in microseconds since the run began.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Extent<'a> {
    pub(super) about: About<'a>,
    pub(super) from_us: u64,
    /// `u64::MAX` while it lasts.
    pub(super) to_us: u64,
}

/// What a cause or a symptom is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct About<'a> {
    pub(super) pools: Pools<'a>,
    pub(super) work: BTreeSet<Work>,
}

/// Whose pods and nodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Pools<'a> {
    /// Nobody's.
    #[default]
    None,
    /// Those of these NodePools; an empty set stands for pods and nodes of an unknown one.
    Of(BTreeSet<&'a str>),
    /// Those of every NodePool.
    Every,
}

/// What the control plane does besides pods and nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Work {
    /// A commit is fetched from Git.
    Fetch,
    /// A commit that was fetched is applied.
    Apply,
    /// A field that a controller other than Flux's writes, and what Flux's health checks wait for.
    Status,
    /// A notification is sent, or the call of a Git host is received.
    Notify,
    /// A new tag of an image is found and committed.
    UpdateImage,
}

impl Work {
    const ALL: [Self; 5] = [Self::Fetch, Self::Apply, Self::Status, Self::Notify, Self::UpdateImage];
}

impl<'a> About<'a> {
    pub(super) fn everything() -> Self {
        Self { pools: Pools::Every, work: BTreeSet::from(Work::ALL) }
    }

    /// Pods and nodes of every NodePool, and what else waits for them.
    pub(super) fn every_pool() -> Self {
        Self { pools: Pools::Every, work: BTreeSet::from([Work::Status]) }
    }

    pub(super) fn pool(pool: &'a str) -> Self {
        Self::pools(BTreeSet::from([pool]))
    }

    pub(super) fn pools(pools: BTreeSet<&'a str>) -> Self {
        Self { pools: Pools::Of(pools), work: BTreeSet::new() }
    }

    pub(super) fn work(work: impl IntoIterator<Item = Work>) -> Self {
        Self { pools: Pools::None, work: work.into_iter().collect() }
    }

    /// Both.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.work.extend(other.work);
        self.pools = match (self.pools, other.pools) {
            (Pools::None, pools) | (pools, Pools::None) => pools,
            (Pools::Every, _) | (_, Pools::Every) => Pools::Every,
            (Pools::Of(mut pools), Pools::Of(others)) => {
                pools.extend(others);
                Pools::Of(pools)
            }
        };
        self
    }

    /// Whether it is about NodePools that it names.
    pub(super) fn names_pools(&self) -> bool {
        matches!(&self.pools, Pools::Of(pools) if !pools.is_empty())
    }

    fn touches(&self, other: &Self) -> bool {
        let pools = match (&self.pools, &other.pools) {
            (Pools::None, _) | (_, Pools::None) => false,
            (Pools::Every, _) | (_, Pools::Every) => true,
            (Pools::Of(pools), Pools::Of(others)) => !pools.is_disjoint(others),
        };
        pools || !self.work.is_disjoint(&other.work)
    }
}

impl Extent<'_> {
    /// Whether a cause of this extent can be one of a symptom of the other.
    pub(super) fn touches(&self, symptom: &Self) -> bool {
        self.from_us <= symptom.to_us && symptom.from_us <= self.to_us && self.about.touches(&symptom.about)
    }

    /// Whether it was still so when the other ended.
    pub(super) fn outlasts(&self, symptom: &Self) -> bool {
        self.to_us >= symptom.to_us
    }
}

/// What went wrong first.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind<'a> {
    /// The run did not complete.
    Ended {
        /// `None` where the log has no end.
        how: Option<EndReason>,
        phase: Option<&'a str>,
        detail: &'a str,
        /// The last event.
        at_us: u64,
    },
    /// A component was killed.
    Killed {
        component: Component,
        at_us: u64,
        /// When the plan started it again.
        again_us: Option<u64>,
    },
    /// Azure Resource Manager refused every call.
    ArmDown(Spell),
    /// The Git repository could not be fetched.
    NotFetched { reason: &'a str, message: &'a str, at_us: u64 },
    /// Flux could not apply a commit.
    CommitRefused { commit: &'a str, phase: Option<&'a str>, kustomization: &'a str, reason: &'a str, message: &'a str },
    /// A NodePool was deleted.
    PoolDeleted {
        pool: &'a str,
        at_us: u64,
        /// The newest commit before that, and its phase.
        commit: Option<(&'a str, &'a str)>,
    },
    /// An action of the plan failed.
    ActionFailed { what: String, phase: &'a str, error: &'a str },
    /// The API server refused pods of a workload: a webhook, a policy or a quota denies them.
    PodsDenied { workload: &'a str, reason: &'a str, message: &'a str },
    /// Azure refused VMs.
    VmsRefused { pools: BTreeSet<&'a str>, code: &'a str, message: &'a str, times: u64 },
    /// VMs booted, and no Node registered.
    NeverRegistered { pool: &'a str, vms: u64 },
    /// NodeClaims were launched, and no Node registered; on a target without a record of its VMs.
    ClaimsNeverRegistered { pool: &'a str, claims: u64 },
    /// VMs crashed.
    Crashed { pool: &'a str, vms: u64 },
    /// Spot VMs were evicted.
    Evicted { pool: &'a str, vms: u64 },
    /// Azure Resource Manager answered 429.
    Throttled(Spell),
    /// Nodes were disrupted: the controller chose them.
    Disrupted {
        pool: &'a str,
        reason: &'a str,
        nodes: u64,
        /// The first of them.
        at_us: u64,
        /// The newest commit before that, and its phase.
        commit: Option<(&'a str, &'a str)>,
    },
    /// A controller gave a reason.
    Said {
        pools: BTreeSet<&'a str>,
        reason: &'a str,
        message: &'a str,
        /// How much it says.
        word: Word,
    },
}

/// How much a controller's reason says, the most telling first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Word {
    /// Why a NodeClaim, or the pool, gets no machine.
    NoMachine,
    /// Why no pool fits a pod, why its image cannot be pulled, why a node cannot be disrupted.
    Blocked,
    /// Anything else.
    Other,
    /// That a node is being drained: it does not say why.
    Draining,
    /// That no node has room: it says nothing of the cause.
    NoRoom,
}

/// A cause, and what it can be the cause of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cause<'a> {
    pub(super) kind: Kind<'a>,
    pub(super) extent: Extent<'a>,
}

/// The order of causes: of those that can explain a symptom the first ones do. What is gone altogether comes before what is refused, and what
/// somebody changed before what Azure does of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// The run itself.
    Run,
    /// Something is gone that everything needs.
    Gone,
    /// Something was changed, or a change was refused.
    Changed,
    /// Azure refused or lost machines.
    Azure,
    /// Something is gone, and what it would have done had failed before.
    GoneLater,
    /// Azure answers later than it should.
    Throttled,
    /// A controller says why.
    Reason(Word),
    /// Karpenter took nodes away of itself.
    Disrupted,
    /// Something was away for a while, or delayed something that then happened.
    Over,
    /// A controller says only that it is so.
    NoRoom,
}

impl Cause<'_> {
    /// The rank of a cause that is there to the end.
    pub(super) fn rank(&self) -> Rank {
        match &self.kind {
            Kind::Ended { .. } => Rank::Run,
            Kind::Killed { .. } | Kind::ArmDown(_) | Kind::NotFetched { .. } => Rank::Gone,
            Kind::CommitRefused { .. }
            | Kind::PoolDeleted { .. }
            | Kind::ActionFailed { .. }
            | Kind::PodsDenied { .. } => Rank::Changed,
            Kind::VmsRefused { .. }
            | Kind::NeverRegistered { .. }
            | Kind::ClaimsNeverRegistered { .. }
            | Kind::Crashed { .. }
            | Kind::Evicted { .. } => Rank::Azure,
            Kind::Throttled(_) => Rank::Throttled,
            Kind::Disrupted { .. } => Rank::Disrupted,
            Kind::Said { word: Word::NoRoom | Word::Draining, .. } => Rank::NoRoom,
            Kind::Said { word, .. } => Rank::Reason(*word),
        }
    }

    /// Whether everything is as before when it is over.
    pub(super) fn passes(&self) -> bool {
        match &self.kind {
            Kind::Killed { .. }
            | Kind::ArmDown(_)
            | Kind::Throttled(_)
            | Kind::NotFetched { .. }
            | Kind::CommitRefused { .. } => true,
            Kind::Ended { .. }
            | Kind::PoolDeleted { .. }
            | Kind::ActionFailed { .. }
            | Kind::PodsDenied { .. }
            | Kind::VmsRefused { .. }
            | Kind::NeverRegistered { .. }
            | Kind::ClaimsNeverRegistered { .. }
            | Kind::Crashed { .. }
            | Kind::Evicted { .. }
            | Kind::Disrupted { .. }
            | Kind::Said { .. } => false,
        }
    }

    /// Whether it can only keep a pod from being bound to a node.
    pub(super) fn is_before_binding(&self) -> bool {
        match &self.kind {
            Kind::Killed { component, .. } => matches!(component, Component::KubeScheduler | Component::Karpenter),
            Kind::ArmDown(_)
            | Kind::Throttled(_)
            | Kind::VmsRefused { .. }
            | Kind::NeverRegistered { .. }
            | Kind::ClaimsNeverRegistered { .. } => true,
            _ => false,
        }
    }

    /// Whether nothing more happens after it, whatever else goes wrong later: what it is about was refused, and nobody tries it again with success.
    fn is_final(&self) -> bool {
        match &self.kind {
            Kind::CommitRefused { .. }
            | Kind::PoolDeleted { .. }
            | Kind::ActionFailed { .. }
            | Kind::PodsDenied { .. }
            | Kind::VmsRefused { .. }
            | Kind::NeverRegistered { .. }
            | Kind::ClaimsNeverRegistered { .. } => true,
            Kind::Ended { .. }
            | Kind::Killed { .. }
            | Kind::ArmDown(_)
            | Kind::NotFetched { .. }
            | Kind::Crashed { .. }
            | Kind::Evicted { .. }
            | Kind::Throttled(_)
            | Kind::Disrupted { .. }
            | Kind::Said { .. } => false,
        }
    }

    /// Whether it is named beside causes that come before it.
    pub(super) fn is_named_second(&self, rank: Rank) -> bool {
        // An action that fails then is a consequence of what is gone.
        rank <= Rank::GoneLater && !matches!(self.kind, Kind::ActionFailed { .. })
    }

    /// Whether a symptom is explained by this cause before the other one began.
    pub(super) fn forestalls(&self, other: &Self, symptom: &Extent<'_>) -> bool {
        let is_first = self.extent.from_us < other.extent.from_us || other.only_delays(symptom);
        self.is_final() && self.extent.outlasts(symptom) && is_first
    }

    /// Whether what the symptom is about still happens, only later: Flux tries for seconds to send its events to a controller that is gone, and goes on.
    fn only_delays(&self, symptom: &Extent<'_>) -> bool {
        matches!(self.kind, Kind::Killed { component: Component::NotificationController, .. })
            && !symptom.about.work.contains(&Work::Notify)
    }

    /// Whether it only keeps Karpenter from disrupting nodes.
    pub(super) fn blocks_disruption(&self) -> bool {
        matches!(self.kind, Kind::Said { reason: DISRUPTION_BLOCKED, .. })
    }

    /// Whether two causes are one, seen in two symptoms.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let discriminant = std::mem::discriminant::<Kind<'_>>;
        discriminant(&self.kind) == discriminant(&other.kind)
            && match (&self.kind, &other.kind) {
                (Kind::ArmDown(_), Kind::ArmDown(_)) | (Kind::Throttled(_), Kind::Throttled(_)) => true,
                (Kind::VmsRefused { pools, code, .. }, Kind::VmsRefused { pools: others, code: other_code, .. }) => {
                    code == other_code && pools == others
                }
                _ => self == other,
            }
    }

    /// How often it was seen: of causes of one rank the most frequent comes first.
    pub(super) fn weight(&self) -> u64 {
        match &self.kind {
            Kind::VmsRefused { times, .. } => *times,
            Kind::NeverRegistered { vms, .. } | Kind::Crashed { vms, .. } | Kind::Evicted { vms, .. } => *vms,
            Kind::ClaimsNeverRegistered { claims, .. } => *claims,
            Kind::ArmDown(spell) | Kind::Throttled(spell) => spell.count,
            Kind::Ended { .. }
            | Kind::Killed { .. }
            | Kind::NotFetched { .. }
            | Kind::CommitRefused { .. }
            | Kind::PoolDeleted { .. }
            | Kind::ActionFailed { .. }
            | Kind::PodsDenied { .. }
            | Kind::Disrupted { .. }
            | Kind::Said { .. } => 0,
        }
    }

    /// Adds another cause that differs only in its pools. Returns false where it differs in more.
    pub(super) fn merge(&mut self, other: &Self) -> bool {
        match (&mut self.kind, &other.kind) {
            (
                Kind::VmsRefused { pools, code, times, .. },
                Kind::VmsRefused { pools: others, code: other_code, times: more, .. },
            ) if code == other_code => {
                pools.extend(others);
                *times += more;
                true
            }
            (
                Kind::Said { pools, reason, word, .. },
                Kind::Said { pools: others, reason: other_reason, word: other_word, .. },
            ) if reason == other_reason && word == other_word => {
                pools.extend(others);
                true
            }
            _ => false,
        }
    }
}
