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
    /// The newest object of each name: reasons carry no UID.
    by_name: HashMap<(ObjectKind, Box<str>), u32>,
    /// The newest VM of each name.
    vms: HashMap<Box<str>, u32>,
    instances: HashMap<u64, u32>,
    /// The newest commit that was pushed in the current phase; empty before that.
    pushed: String,
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
        let object = &milestone.object;
        let kind = object.kind;
        match kind {
            ObjectKind::NodePool => return None,
            ObjectKind::GitRepository | ObjectKind::Kustomization => return self.of_flux(at_us, milestone),
            ObjectKind::Pod | ObjectKind::NodeClaim | ObjectKind::Node => {}
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
        let code = if kind == ObjectKind::NodeClaim { known.reason } else { Name::NONE };
        Some(Occurrence {
            code: self.names.text(code),
            ..self.occurrence(at_us, what, kind.into(), &object.name, known)
        })
    }

    /// Flux's objects reach the same milestone with each revision; each milestone carries its own revision and reason.
    fn of_flux<'a>(&'a self, at_us: u64, milestone: &'a Milestone) -> Option<Occurrence<'a>> {
        let object = &milestone.object;
        let what = of_milestone(object.kind, milestone.reached)?;
        let value = |key: &str| milestone.attributes.get(key).map_or("", String::as_str);
        let says = value(attribute::SAYS);
        Some(Occurrence {
            code: value(attribute::REASON),
            message: if says.is_empty() { value(attribute::REVISION) } else { says },
            ..self.occurrence(at_us, what, object.kind.into(), &object.name, Attributes::default())
        })
    }

    fn fact<'a>(&'a mut self, fact: &'a AzureFact) -> Option<Occurrence<'a>> {
        let name = if fact.vm.is_empty() { &fact.nodeclaim } else { &fact.vm };
        // Each creation that Azure accepts is another VM, also under a name that was used before.
        let index = match fact.instance {
            Some(instance) => self.instances.get(&instance).copied(),
            None if fact.what == AzureFactKind::VmAccepted => None,
            None => self.vms.get(name.as_str()).copied(),
        };
        let mut known = index.and_then(|index| self.objects.get(index as usize)).copied().unwrap_or_default();
        for (slot, text) in [
            (&mut known.nodepool, &fact.nodepool),
            (&mut known.instance_type, &fact.instance_type),
            (&mut known.capacity_type, &fact.capacity_type),
            (&mut known.zone, &fact.zone),
        ] {
            *slot = self.names.intern(text).or(*slot);
        }
        if let Some(earlier) = index.and_then(|index| self.objects.get_mut(index as usize)) {
            *earlier = known;
        } else if !name.is_empty() {
            let index = self.objects.len() as u32;
            self.vms.insert(name.as_str().into(), index);
            self.instances.extend(fact.instance.map(|instance| (instance, index)));
            self.objects.push(known);
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
        let kind: Option<ObjectKind> = reason.kind.parse().ok();
        let index = kind.and_then(|kind| self.by_name.get(&(kind, reason.name.as_str().into())).copied());
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

fn of_milestone(kind: ObjectKind, reached: Reached) -> Option<OccurrenceKind> {
    Some(match (kind, reached) {
        (ObjectKind::NodeClaim, Reached::Created) => OccurrenceKind::NodeclaimCreated,
        (ObjectKind::NodeClaim, Reached::Launched) => OccurrenceKind::NodeclaimLaunched,
        (ObjectKind::NodeClaim, Reached::Registered) => OccurrenceKind::NodeclaimRegistered,
        (ObjectKind::NodeClaim, Reached::Initialized) => OccurrenceKind::NodeclaimInitialized,
        (ObjectKind::NodeClaim, Reached::Drifted) => OccurrenceKind::NodeclaimDrifted,
        (ObjectKind::NodeClaim, Reached::Disrupted) => OccurrenceKind::NodeclaimDisrupted,
        (ObjectKind::NodeClaim, Reached::Deleting) => OccurrenceKind::NodeclaimDeleting,
        (ObjectKind::NodeClaim, Reached::Deleted) => OccurrenceKind::NodeclaimDeleted,
        (ObjectKind::Node, Reached::Ready) => OccurrenceKind::NodeReady,
        (ObjectKind::Node, Reached::NotReady) => OccurrenceKind::NodeNotReady,
        (ObjectKind::Node, Reached::Deleted) => OccurrenceKind::NodeDeleted,
        (ObjectKind::Pod, Reached::Created) => OccurrenceKind::PodCreated,
        (ObjectKind::Pod, Reached::Unschedulable) => OccurrenceKind::PodUnschedulable,
        (ObjectKind::Pod, Reached::Scheduled) => OccurrenceKind::PodScheduled,
        (ObjectKind::Pod, Reached::Ready) => OccurrenceKind::PodReady,
        (ObjectKind::Pod, Reached::NotReady) => OccurrenceKind::PodNotReady,
        (ObjectKind::Pod, Reached::Deleting) => OccurrenceKind::PodDeleting,
        (ObjectKind::Pod, Reached::Deleted) => OccurrenceKind::PodDeleted,
        (ObjectKind::GitRepository, Reached::Failed) => OccurrenceKind::SourceFailed,
        (ObjectKind::Kustomization, Reached::Failed) => OccurrenceKind::KustomizationFailed,
        (ObjectKind::Kustomization, Reached::Waiting) => OccurrenceKind::KustomizationWaiting,
        (ObjectKind::Kustomization, Reached::Applied) => OccurrenceKind::RevisionApplied,
        (ObjectKind::Kustomization, Reached::Healthy) => OccurrenceKind::RevisionHealthy,
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
        AzureFactKind::VmPriceChanged => OccurrenceKind::VmPriceChanged,
        AzureFactKind::PricesRead => OccurrenceKind::PricesRead,
        AzureFactKind::VmCreating
        | AzureFactKind::NodeRegistered
        | AzureFactKind::NodeReady
        | AzureFactKind::VmDeleteRequested
        | AzureFactKind::NodeDeleted
        | AzureFactKind::UnmodelledCall
        | AzureFactKind::FactsLost => return None,
    })
}
