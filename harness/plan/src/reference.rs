//! Names of what is not the scenario's own: whether there is such a thing depends on the tree, on what Azure sells, and on the moment.
//!
//! What can be decided without them (workloads, phases, objects of the scenario, components, closed lists of words) is a problem of the value
//! itself. Some names cannot be checked at all, since they are given while the run goes on or by somebody else: VMs, NodeClaims and Nodes
//! (`only.vm`, `object` of an event), codes of Azure (`operationFail` can have any) and reasons of Kubernetes Events, of which only what is almost a
//! known one is refused, reasons of notifications and of a source that cannot be fetched, and metrics of applications.

use harness_simulation::{Behaviour, Fault, FaultKind, VmSelector};

use crate::{
    Action, Check, Condition, Conditions, EventPattern, Field, FieldPath, NotificationFilter, OccurrenceKind,
    Published, Selection, Trigger,
};

/// What a name is the name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Referent<'a> {
    /// A NodePool of the tree.
    Nodepool,
    /// A zone, as nodes carry it (`eastus-1`, in lower case) or by its number; `0` stands for VMs without a zone.
    Zone,
    /// The letter of a family or a quota family, in any case.
    Family,
    /// What a quota is for: a family, `regional` or `spot`.
    QuotaScope,
    /// A VM size as nodes carry it.
    InstanceType,
    /// A VM size in any case, also without `Standard_`.
    Sku,
    /// A call of Azure Resource Manager, as the simulator counts it.
    Operation,
    /// A kind of objects that Flux reports about.
    FluxKind,
    /// An object of Flux of this kind.
    FluxObject(&'a str),
    /// A field of an object of the scenario, with the value that it must have.
    Field(&'a Field),
    /// A field of an object of the scenario, whatever its value.
    Path(&'a str, &'a FieldPath),
}

/// A name that a value uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference<'a> {
    /// What it is the name of.
    pub to: Referent<'a>,
    /// The name.
    pub name: &'a str,
    /// The keys from the value to the name; for a field those to the map that has `path`.
    pub path: Vec<String>,
    /// Whether the name is the last key itself, and not its value.
    pub is_key: bool,
}

impl<'a> Reference<'a> {
    fn new(to: Referent<'a>, name: &'a str, path: &[&str]) -> Self {
        Self { to, name, path: path.iter().map(|key| (*key).to_owned()).collect(), is_key: false }
    }

    fn under(mut self, key: impl Into<String>) -> Self {
        self.path.insert(0, key.into());
        self
    }

    /// Those of an action.
    pub fn of_action(action: &'a Action) -> Vec<Self> {
        let found = match action {
            Action::AzureFault(asked) => Self::of_fault(&asked.fault),
            Action::AzurePrice(price) => Self::of_selector(&price.only),
            Action::DeleteNodeClaims(delete) => vec![Self::new(Referent::Nodepool, &delete.nodepool, &["nodepool"])],
            Action::Commit(commit) => match &commit.trigger {
                Trigger::Receiver(receiver) => {
                    let path = ["trigger", "receiver", "name"];
                    vec![Self::new(Referent::FluxObject("Receiver"), &receiver.name, &path)]
                }
                Trigger::None | Trigger::Annotation => Vec::new(),
            },
            Action::Scale(_)
            | Action::Replace(_)
            | Action::Revert(_)
            | Action::Load(_)
            | Action::PublishNodeImage(_)
            | Action::UpgradeKubernetes(_)
            | Action::ClearAzureFaults(_)
            | Action::KillComponent(_)
            | Action::StartComponent(_)
            | Action::Change(_)
            | Action::Reconcile(_)
            | Action::PublishImage(_)
            | Action::GitFault(_)
            | Action::ClearGitFaults(_)
            | Action::ForcePush(_) => Vec::new(),
        };
        found.into_iter().map(|reference| reference.under(action.as_str())).collect()
    }

    /// Those of the conditions of a phase.
    pub fn of_conditions(conditions: &'a Conditions) -> Vec<Self> {
        match conditions.0.as_slice() {
            [one] => Self::of_condition(one),
            several => Self::numbered(several),
        }
    }

    fn numbered(conditions: &'a [Condition]) -> Vec<Self> {
        let of = |(index, condition): (usize, &'a Condition)| {
            let found = Self::of_condition(condition).into_iter();
            found.map(move |reference| reference.under(index.to_string())).collect::<Vec<_>>()
        };
        conditions.iter().enumerate().flat_map(of).collect()
    }

    fn of_condition(condition: &'a Condition) -> Vec<Self> {
        let found = match condition {
            Condition::Nodes(nodes) => {
                let pool = nodes.nodepool.iter();
                pool.map(|pool| Self::new(Referent::Nodepool, pool, &["nodepool"])).collect()
            }
            Condition::Happened(happened) => Self::of_pattern(&happened.pattern),
            Condition::Notified(notified) => Self::of_filter(&notified.notification.filter),
            Condition::Field(field) => vec![Self::of_field(field)],
            Condition::Any(alternatives) => Self::numbered(alternatives),
            Condition::AllPodsReady
            | Condition::NoPods
            | Condition::NoNodes
            | Condition::AllNodesReplaced
            | Condition::Settled(_)
            | Condition::ReadyPods(_)
            | Condition::InForce => Vec::new(),
        };
        found.into_iter().map(|reference| reference.under(condition.as_str())).collect()
    }

    /// Those of an expectation.
    pub fn of_check(check: &'a Check) -> Vec<Self> {
        let found = match check {
            Check::Happened(happened) => Self::of_pattern(&happened.pattern),
            Check::Notified(notified) => Self::of_filter(&notified.notification.filter),
            Check::Field(expected) => vec![Self::of_field(&expected.field)],
            Check::Changes(changes) => {
                vec![Self::new(Referent::Path(&changes.object, &changes.path), changes.path.as_str(), &[])]
            }
            Check::Limits(limits) => Self::of_nodepools(&limits.nodepools),
            Check::Replaced(replaced) => Self::of_nodepools(&replaced.nodepools),
            Check::Retained(retained) => Self::of_nodepools(&retained.nodepools),
            Check::MaxConcurrentDisruptions(disruptions) => Self::of_nodepools(&disruptions.nodepools),
            Check::MaxSurge(surge) => Self::of_nodepools(&surge.nodepools),
            Check::Order(order) => {
                let kustomization = Referent::FluxObject("Kustomization");
                let named = order.kustomizations.iter().enumerate();
                named
                    .map(|(index, name)| Self::new(kustomization, name, &["kustomizations", &index.to_string()]))
                    .collect()
            }
            Check::Phase(_)
            | Check::Placement(_)
            | Check::Latency(_)
            | Check::Fleet(_)
            | Check::Pending(_)
            | Check::Uninterrupted(_)
            | Check::Available(_)
            | Check::Unready(_)
            | Check::Zones(_)
            | Check::Price(_)
            | Check::Savings(_)
            | Check::Quota(_)
            | Check::ReplacedBeforeLoss(_)
            | Check::Usage(_)
            | Check::AppliedInOrder(_) => Vec::new(),
        };
        found.into_iter().map(|reference| reference.under(check.as_str())).collect()
    }

    /// Those of the simulated Azure's behaviour.
    pub fn of_behaviour(behaviour: &'a Behaviour) -> Vec<Self> {
        let overrides = behaviour.overrides.iter().enumerate().filter_map(|(index, other)| {
            let family = other.family.as_deref()?;
            Some(Self::new(Referent::Family, family, &["overrides", &index.to_string(), "family"]))
        });
        let quotas = behaviour
            .quota_cores
            .keys()
            .map(|scope| Self { is_key: true, ..Self::new(Referent::QuotaScope, scope, &["quotaCores", scope]) });
        let faults = behaviour.faults.iter().enumerate().flat_map(|(index, fault)| {
            let found = Self::of_fault(fault).into_iter();
            found.map(move |reference| reference.under(index.to_string()).under("faults"))
        });
        overrides.chain(quotas).chain(faults).collect()
    }

    /// Those of a published figure.
    pub fn of_published(published: &'a Published) -> Vec<Self> {
        published.nodepool.iter().map(|pool| Self::new(Referent::Nodepool, pool, &["nodepool"])).collect()
    }

    fn of_fault(fault: &'a Fault) -> Vec<Self> {
        let mut found: Vec<Self> = fault.kind.only().into_iter().flat_map(Self::of_selector).collect();
        match &fault.kind {
            FaultKind::Quota { scope, .. } => found.push(Self::new(Referent::QuotaScope, scope, &["scope"])),
            FaultKind::ZoneOutage { zone } => found.push(Self::new(Referent::Zone, zone, &["zone"])),
            FaultKind::Throttle { operation: Some(operation), .. }
            | FaultKind::BadAnswer { operation: Some(operation), .. } => {
                found.push(Self::new(Referent::Operation, operation, &["operation"]));
            }
            _ => {}
        }
        found.into_iter().map(|reference| reference.under(fault.kind.as_str())).collect()
    }

    fn of_selector(only: &'a VmSelector) -> Vec<Self> {
        // The name of a VM is given when it is created.
        let VmSelector { vm: _, sku, family, zone, capacity_type: _, nodepool, vms: _ } = only;
        let given = [
            (Referent::Sku, sku, "sku"),
            (Referent::Family, family, "family"),
            (Referent::Zone, zone, "zone"),
            (Referent::Nodepool, nodepool, "nodepool"),
        ];
        given.into_iter().filter_map(|(to, name, key)| Some(Self::new(to, name.as_deref()?, &["only", key]))).collect()
    }

    fn of_field(field: &'a Field) -> Self {
        Self::new(Referent::Field(field), field.path.as_str(), &[])
    }

    fn of_pattern(pattern: &'a EventPattern) -> Vec<Self> {
        let given = [
            (Referent::Nodepool, &pattern.nodepool, "nodepool"),
            (Referent::InstanceType, &pattern.instance_type, "instanceType"),
            (Referent::Zone, &pattern.zone, "zone"),
        ];
        let given = given.into_iter().filter_map(|(to, name, key)| Some(Self::new(to, name.as_deref()?, &[key])));
        let object = pattern.object.iter().filter_map(|name| {
            let kind = pattern.what.flux_kind()?;
            Some(Self::new(Referent::FluxObject(kind), name, &["object"]))
        });
        given.chain(object).collect()
    }

    fn of_filter(filter: &'a NotificationFilter) -> Vec<Self> {
        let Some(about) = &filter.about else { return Vec::new() };
        let kind = Self::new(Referent::FluxKind, &about.kind, &["about", "kind"]);
        let name = about.name.iter().map(|name| {
            let to = Referent::FluxObject(&about.kind);
            Self::new(to, name, &["about", "name"])
        });
        std::iter::once(kind).chain(name).collect()
    }

    fn of_nodepools(selection: &'a Selection) -> Vec<Self> {
        let named = selection.names().iter().enumerate();
        named.map(|(index, name)| Self::new(Referent::Nodepool, name, &["nodepools", &index.to_string()])).collect()
    }
}

impl OccurrenceKind {
    /// The kind of the Flux object that the event is about; `None` for events of other objects.
    fn flux_kind(self) -> Option<&'static str> {
        match self {
            Self::SourceFailed => Some("GitRepository"),
            Self::KustomizationFailed | Self::KustomizationWaiting | Self::RevisionApplied | Self::RevisionHealthy => {
                Some("Kustomization")
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn paths(found: &[Reference<'_>]) -> Vec<String> {
        found.iter().map(|it| format!("{} {}", it.path.join("."), it.name)).collect()
    }

    #[test]
    fn names_are_found_with_their_places() {
        let only = json!({"vm": "v", "sku": "S", "family": "F", "zone": "1", "nodepool": "p"});
        let action = json!({"azureFault": {"noCapacity": {"only": only}}});
        let action: Action = serde_json::from_value(action).unwrap();
        let expected = ["sku S", "family F", "zone 1", "nodepool p"];
        let expected = expected.map(|end| format!("azureFault.noCapacity.only.{end}"));
        assert_eq!(paths(&Reference::of_action(&action)), expected);

        let conditions = json!([
            {"nodes": {"nodepool": "p", "atMost": 1}},
            {"happened": {"what": "revision-applied", "object": "apps"}},
            {"happened": {"what": "pod-ready", "object": "any-pod", "zone": "2"}},
        ]);
        let conditions: Conditions = serde_json::from_value(conditions).unwrap();
        let expected = ["0.nodes.nodepool p", "1.happened.object apps", "2.happened.zone 2"];
        assert_eq!(paths(&Reference::of_conditions(&conditions)), expected);
    }

    #[test]
    fn a_quota_is_named_by_its_key() {
        let behaviour = json!({"quotaCores": {"F": 4}, "faults": [{"throttle": {"operation": "machines.put"}}]});
        let behaviour: Behaviour = serde_json::from_value(behaviour).unwrap();
        let found = Reference::of_behaviour(&behaviour);
        assert_eq!(paths(&found), ["quotaCores.F F", "faults.0.throttle.operation machines.put"]);
        assert_eq!(found.iter().map(|it| it.is_key).collect::<Vec<_>>(), [true, false]);
    }
}
