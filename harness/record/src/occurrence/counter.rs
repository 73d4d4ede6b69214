//! From events to occurrences.

use std::collections::HashMap;

use harness_plan::OccurrenceKind;

use super::Occurrence;
use crate::event::{
    ActionKind, ActionStamps, AzureFact, AzureFactKind, Event, EventKind, Milestone, Notification, ObjectKind, Reached,
    Reason, attribute,
};
use crate::names::{Name, Names, owner};

/// The attributes of an object, as far as they are known.
#[derive(Clone, Copy, Debug, Default)]
struct Attributes {
    workload: Name,
    nodepool: Name,
    instance_type: Name,
    capacity_type: Name,
    zone: Name,
    reason: Name,
    /// The milestones that it reached, a bit each.
    reached: u32,
}

/// Folds events in their order and says which occurrence each of them is.
///
/// It keeps the attributes of each object, since later milestones and facts carry only what is new. Constant time an event; about
/// 200 bytes an object.
///
/// ```
/// use harness_record::occurrence::Counter;
/// use harness_plan::{EventPattern, OccurrenceKind};
/// # let events: Vec<harness_record::Event> = Vec::new();
/// let of = EventPattern { nodepool: Some("general-purpose".to_owned()), ..EventPattern::any(OccurrenceKind::NodeReady) };
/// let mut counter = Counter::new();
/// let mut count = 0;
/// for event in &events {
///     if counter.learn(event).is_some_and(|occurrence| occurrence.is(&of)) {
///         count += 1;
///     }
/// }
/// # assert_eq!(count, 0);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Counter {
    names: Names,
    objects: Vec<Attributes>,
    by_uid: HashMap<Box<str>, u32>,
    /// The newest object of each name: reasons and facts carry no UID.
    by_name: HashMap<(Kind, Box<str>), u32>,
    /// The newest commit that was pushed in the current phase; empty before that.
    pushed: String,
}

/// The kinds of objects that occurrences are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Pod,
    NodeClaim,
    Node,
    Vm,
    Source,
    Kustomization,
}

impl Kind {
    fn of(kind: &str) -> Option<Self> {
        Some(match kind {
            "Pod" => Self::Pod,
            "NodeClaim" => Self::NodeClaim,
            "Node" => Self::Node,
            _ => return None,
        })
    }
}

impl Counter {
    /// Nothing has happened yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one event and returns its occurrence; `None` where it is not one that a scenario can count. A milestone that is seen again
    /// (in the list after an interrupted watch) is not an occurrence, except for changes of Ready.
    pub fn learn<'a>(&'a mut self, event: &'a Event) -> Option<Occurrence<'a>> {
        match &event.kind {
            EventKind::Milestone(milestone) => self.milestone(event.at_us, milestone),
            EventKind::Azure(fact) => self.fact(fact),
            EventKind::Reason(reason) => Some(self.reason(event.at_us, reason)),
            EventKind::Action(ActionStamps { what: ActionKind::Push { revision, .. }, .. }) => {
                self.pushed.clone_from(revision);
                None
            }
            EventKind::PhaseBegan { .. } => {
                self.pushed.clear();
                None
            }
            EventKind::Notified(notification) => Some(self.notification(event.at_us, notification)),
            _ => None,
        }
    }

    fn milestone<'a>(&'a mut self, at_us: u64, milestone: &'a Milestone) -> Option<Occurrence<'a>> {
        let (kind, kind_name) = match milestone.object.kind {
            ObjectKind::Pod => (Kind::Pod, "Pod"),
            ObjectKind::NodeClaim => (Kind::NodeClaim, "NodeClaim"),
            ObjectKind::Node => (Kind::Node, "Node"),
            ObjectKind::GitRepository => (Kind::Source, "GitRepository"),
            ObjectKind::Kustomization => (Kind::Kustomization, "Kustomization"),
            ObjectKind::NodePool => return None,
        };
        let object = &milestone.object;
        if matches!(kind, Kind::Source | Kind::Kustomization) {
            return self.of_flux(at_us, of_milestone(kind, milestone.reached)?, kind_name, milestone);
        }
        let index = match self.by_uid.get(object.uid.as_str()) {
            Some(index) => *index,
            None => {
                let index = self.objects.len() as u32;
                self.objects.push(Attributes::default());
                self.by_uid.insert(object.uid.as_str().into(), index);
                self.by_name.insert((kind, object.name.as_str().into()), index);
                index
            }
        };
        let known = self.objects.get_mut(index as usize)?;
        for (key, value) in &milestone.attributes {
            let slot = match key.as_str() {
                attribute::WORKLOAD => &mut known.workload,
                attribute::NODEPOOL => &mut known.nodepool,
                attribute::INSTANCE_TYPE => &mut known.instance_type,
                attribute::CAPACITY_TYPE => &mut known.capacity_type,
                attribute::ZONE => &mut known.zone,
                attribute::REASON => &mut known.reason,
                _ => continue,
            };
            *slot = self.names.intern(value);
        }
        let bit = |reached: Reached| 1_u32 << (reached as u16);
        let again = known.reached & bit(milestone.reached) != 0;
        known.reached |= bit(milestone.reached);
        match milestone.reached {
            Reached::Spared => known.reached &= !bit(Reached::Disrupted),
            Reached::Disrupted => known.reached &= !bit(Reached::Spared),
            _ => {}
        }
        if again && !matches!(milestone.reached, Reached::Ready | Reached::NotReady) {
            return None;
        }
        let known = *known;
        let what = of_milestone(kind, milestone.reached)?;
        let code = if kind == Kind::NodeClaim { known.reason } else { Name::NONE };
        Some(Occurrence { code: self.names.text(code), ..self.occurrence(at_us, what, kind_name, &object.name, known) })
    }

    /// Flux's objects reach the same milestone with each revision; each milestone carries its own revision and reason.
    fn of_flux<'a>(
        &'a self,
        at_us: u64,
        what: OccurrenceKind,
        kind: &'a str,
        milestone: &'a Milestone,
    ) -> Option<Occurrence<'a>> {
        let value = |key: &str| milestone.attributes.get(key).map_or("", String::as_str);
        let says = value(attribute::SAYS);
        Some(Occurrence {
            code: value(attribute::REASON),
            message: if says.is_empty() { value(attribute::REVISION) } else { says },
            ..self.occurrence(at_us, what, kind, &milestone.object.name, Attributes::default())
        })
    }

    fn fact<'a>(&'a mut self, fact: &'a AzureFact) -> Option<Occurrence<'a>> {
        let name = if fact.vm.is_empty() { &fact.nodeclaim } else { &fact.vm };
        let mut known = Attributes::default();
        let key = (!name.is_empty()).then(|| (Kind::Vm, Box::from(name.as_str())));
        let index = key.as_ref().and_then(|key| self.by_name.get(key)).copied();
        if let Some(earlier) = index.and_then(|index| self.objects.get(index as usize)) {
            known = *earlier;
        }
        for (slot, text) in [
            (&mut known.nodepool, &fact.nodepool),
            (&mut known.instance_type, &fact.instance_type),
            (&mut known.capacity_type, &fact.capacity_type),
            (&mut known.zone, &fact.zone),
        ] {
            *slot = self.names.intern(text).or(*slot);
        }
        match (index.and_then(|index| self.objects.get_mut(index as usize)), key) {
            (Some(earlier), _) => *earlier = known,
            (None, Some(key)) => {
                self.by_name.insert(key, self.objects.len() as u32);
                self.objects.push(known);
            }
            (None, None) => {}
        }
        let what = of_fact(fact.what)?;
        let kind = if name.is_empty() { "" } else { "VirtualMachine" };
        Some(Occurrence {
            code: &fact.code,
            message: &fact.message,
            ..self.occurrence(fact.occurred_us, what, kind, name, known)
        })
    }

    fn reason<'a>(&'a self, at_us: u64, reason: &'a Reason) -> Occurrence<'a> {
        let index =
            Kind::of(&reason.kind).and_then(|kind| self.by_name.get(&(kind, Box::from(reason.name.as_str()))).copied());
        let known = index.and_then(|index| self.objects.get(index as usize)).copied().unwrap_or_default();
        let mut occurrence = self.occurrence(at_us, OccurrenceKind::Reason, &reason.kind, &reason.name, known);
        // The watch of Events may be ahead of that of the object: then the name gives the owner.
        let of_owner = owner(&reason.kind, &reason.name);
        match reason.kind.as_str() {
            "Pod" | "ReplicaSet" | "Deployment" | "HorizontalPodAutoscaler" if occurrence.workload.is_empty() => {
                occurrence.workload = of_owner;
            }
            "NodeClaim" | "NodePool" if occurrence.nodepool.is_empty() => occurrence.nodepool = of_owner,
            _ => {}
        }
        Occurrence { code: &reason.reason, message: &reason.message, ..occurrence }
    }

    fn occurrence<'a>(
        &'a self,
        at_us: u64,
        what: OccurrenceKind,
        kind: &'a str,
        name: &'a str,
        known: Attributes,
    ) -> Occurrence<'a> {
        Occurrence {
            at_us,
            what,
            kind,
            name,
            workload: self.names.text(known.workload),
            nodepool: self.names.text(known.nodepool),
            instance_type: self.names.text(known.instance_type),
            capacity_type: self.names.text(known.capacity_type),
            zone: self.names.text(known.zone),
            code: "",
            message: "",
            severity: "",
            path: "",
            newest: false,
        }
    }

    fn notification<'a>(&'a self, at_us: u64, it: &'a Notification) -> Occurrence<'a> {
        Occurrence {
            code: &it.reason,
            message: &it.message,
            severity: &it.severity,
            path: &it.path,
            newest: !self.pushed.is_empty() && it.revision.ends_with(&self.pushed),
            ..self.occurrence(at_us, OccurrenceKind::Notified, &it.kind, &it.name, Attributes::default())
        }
    }
}

fn of_milestone(kind: Kind, reached: Reached) -> Option<OccurrenceKind> {
    Some(match (kind, reached) {
        (Kind::NodeClaim, Reached::Created) => OccurrenceKind::NodeclaimCreated,
        (Kind::NodeClaim, Reached::Launched) => OccurrenceKind::NodeclaimLaunched,
        (Kind::NodeClaim, Reached::Registered) => OccurrenceKind::NodeclaimRegistered,
        (Kind::NodeClaim, Reached::Initialized) => OccurrenceKind::NodeclaimInitialized,
        (Kind::NodeClaim, Reached::Drifted) => OccurrenceKind::NodeclaimDrifted,
        (Kind::NodeClaim, Reached::Disrupted) => OccurrenceKind::NodeclaimDisrupted,
        (Kind::NodeClaim, Reached::Deleting) => OccurrenceKind::NodeclaimDeleting,
        (Kind::NodeClaim, Reached::Deleted) => OccurrenceKind::NodeclaimDeleted,
        (Kind::Node, Reached::Ready) => OccurrenceKind::NodeReady,
        (Kind::Node, Reached::NotReady) => OccurrenceKind::NodeNotReady,
        (Kind::Node, Reached::Deleted) => OccurrenceKind::NodeDeleted,
        (Kind::Pod, Reached::Created) => OccurrenceKind::PodCreated,
        (Kind::Pod, Reached::Unschedulable) => OccurrenceKind::PodUnschedulable,
        (Kind::Pod, Reached::Scheduled) => OccurrenceKind::PodScheduled,
        (Kind::Pod, Reached::Ready) => OccurrenceKind::PodReady,
        (Kind::Pod, Reached::NotReady) => OccurrenceKind::PodNotReady,
        (Kind::Pod, Reached::Deleting) => OccurrenceKind::PodDeleting,
        (Kind::Pod, Reached::Deleted) => OccurrenceKind::PodDeleted,
        (Kind::Source, Reached::Failed) => OccurrenceKind::SourceFailed,
        (Kind::Kustomization, Reached::Failed) => OccurrenceKind::KustomizationFailed,
        (Kind::Kustomization, Reached::Waiting) => OccurrenceKind::KustomizationWaiting,
        (Kind::Kustomization, Reached::Applied) => OccurrenceKind::RevisionApplied,
        (Kind::Kustomization, Reached::Healthy) => OccurrenceKind::RevisionHealthy,
        _ => return None,
    })
}

fn of_fact(what: AzureFactKind) -> Option<OccurrenceKind> {
    Some(match what {
        AzureFactKind::VmAccepted => OccurrenceKind::VmAccepted,
        AzureFactKind::VmBooted => OccurrenceKind::VmBooted,
        AzureFactKind::ProvisioningFailed => OccurrenceKind::VmFailed,
        AzureFactKind::VmDeleted => OccurrenceKind::VmDeleted,
        AzureFactKind::VmCrashed => OccurrenceKind::VmCrashed,
        AzureFactKind::SpotNotice => OccurrenceKind::SpotNotice,
        AzureFactKind::SpotEvicted => OccurrenceKind::SpotEvicted,
        AzureFactKind::Throttled => OccurrenceKind::CallThrottled,
        AzureFactKind::Refused => OccurrenceKind::CallRefused,
        AzureFactKind::FaultBegan => OccurrenceKind::FaultBegan,
        AzureFactKind::FaultEnded => OccurrenceKind::FaultEnded,
        AzureFactKind::VmCreating
        | AzureFactKind::NodeRegistered
        | AzureFactKind::NodeReady
        | AzureFactKind::VmDeleteRequested
        | AzureFactKind::NodeDeleted
        | AzureFactKind::UnmodelledCall
        | AzureFactKind::FactsLost => return None,
    })
}
