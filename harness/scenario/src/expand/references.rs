//! Names that the tree, the VM sizes or Azure do not have at the moment at which the scenario uses them.
//!
//! A NodePool counts as there from the push that adds it. One that has left the tree is still known: conditions and expectations may be about how it
//! goes. An action in a later phase may not name it, unless it is protected from pruning. An action is checked at its time, a condition at the end of
//! its phase, an expectation at the end of the last phase that it is about, and a fault against all phases: it may last.
//!
//! What an object of the scenario must be is known only where nothing but the tree, the scenario and the harness creates objects of
//! its kind: NodePools, AKSNodeClasses, the objects of Flux, and the usual kinds in a namespace that the tree declares or that is the
//! run's own. NodeClaims, Nodes, Pods and whatever else a controller creates cannot be known, nor what a tree with charts or
//! with Kustomizations of other repositories brings; [`harness_plan::Reference`] lists the names that are never checked.

use std::collections::BTreeSet;

use super::inputs::Inputs;
use super::moments::{Moment, Moments};
use super::sized::PROTECTION;
use harness_plan::{Action, ObjectAddress, Reference, Referent, Topology, Workload};
use harness_tree::derive::known_values;
use harness_tree::{address_problem, field_problems, flux_kinds, path_problem};
use harness_yaml::{Diagnostic, Mark, Problem};

/// The zone of VMs without one.
const NO_ZONE: &str = "0";
/// Scopes of quotas beside the families.
const QUOTAS: [&str; 2] = ["regional", "spot"];
/// What every size's name begins with; a fault does without.
pub(super) const SIZE_PREFIX: &str = "Standard_";

/// The namespace of Flux's objects.
pub(super) const FLUX_NAMESPACE: &str = "flux-system";
/// The namespace of the run's workloads, as scenarios write it.
pub(super) const RUN_NAMESPACE: &str = "{namespace}";
/// The objects of Flux that every target has.
pub(super) const FLUX_OBJECTS: [(&str, &str); 2] = [("GitRepository", "node-config"), ("Kustomization", "node-config")];
/// What controllers of Flux make themselves.
const MADE_BY_FLUX: [&str; 2] = ["HelmChart", "ExternalArtifact"];
/// The quota of the run's namespace.
const RUN_QUOTA: &str = "harness";
/// Kinds that no controller of Kubernetes creates by itself, but for ReplicaSets and what belongs to them, which are not among them.
pub(super) const DECLARED: [&str; 12] = [
    "CronJob",
    "DaemonSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "Ingress",
    "LimitRange",
    "NetworkPolicy",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "ResourceQuota",
    "Service",
    "StatefulSet",
];

/// Everything that is not there.
pub(super) fn unknown(inputs: &Inputs<'_>, moments: &Moments, workloads: &[Workload]) -> Vec<Diagnostic> {
    let check = Check { inputs, moments, workloads, azure: Azure::of(inputs) };
    let mut found = check.of_phases();
    found.extend(check.of_expectations());
    let top = inputs.scenario.top();
    let file = &inputs.bound.file;
    for reference in Reference::of_behaviour(&file.azure) {
        found.extend(check.reference(top, &["azure"], &reference, moments.all()));
    }
    for (index, published) in file.published.iter().enumerate().filter(|_| check.is_own_tree()) {
        for reference in Reference::of_published(published) {
            found.extend(check.reference(top, &["published", &index.to_string()], &reference, moments.all()));
        }
    }
    found.extend(check.of_workloads());
    found.extend(check.of_objects());
    found
}

/// What Azure sells, by name.
struct Azure<'a> {
    zones: BTreeSet<&'a str>,
    zone_numbers: BTreeSet<&'a str>,
    families: BTreeSet<&'a str>,
    sizes: BTreeSet<&'a str>,
}

impl<'a> Azure<'a> {
    fn of(inputs: &Inputs<'a>) -> Self {
        let zones: BTreeSet<&str> = inputs.skus.iter().flat_map(|sku| &sku.zones).map(String::as_str).collect();
        let number = |zone: &&'a str| zone.rsplit_once('-').map(|(_, number)| number);
        Self {
            zone_numbers: zones.iter().filter_map(number).collect(),
            zones,
            families: inputs
                .skus
                .iter()
                .flat_map(|sku| [sku.family.as_str(), sku.quota_family.as_str()])
                .filter(|family| !family.is_empty())
                .collect(),
            sizes: inputs.skus.iter().map(|sku| sku.name.as_str()).collect(),
        }
    }
}

struct Check<'a> {
    inputs: &'a Inputs<'a>,
    moments: &'a Moments,
    workloads: &'a [Workload],
    azure: Azure<'a>,
}

impl Check<'_> {
    /// On another tree than its own a scenario leaves out what it expects of pools that are not there.
    fn is_own_tree(&self) -> bool {
        self.inputs.is_own_tree()
    }

    fn of_phases(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for (number, phase) in self.inputs.bound.file.phases.iter().enumerate() {
            for action in &phase.actions {
                let moments = match &action.variant {
                    Action::AzureFault(_) => self.moments.all(),
                    _ => self.moments.until_time(number, action.beside.after.as_micros()),
                };
                for reference in Reference::of_action(&action.variant) {
                    let gone = self.gone(&reference, &action.variant, number, action.beside.after.as_micros());
                    found.extend(gone.map(|problem| self.placed(action.mark, &[], &reference, problem)));
                    found.extend(self.reference(action.mark, &[], &reference, moments));
                }
            }
            if let Some(until) = &phase.until {
                for reference in Reference::of_conditions(until) {
                    found.extend(self.reference(until.mark, &[], &reference, self.moments.until(number)));
                }
            }
        }
        found
    }

    /// That an action names a NodePool that Flux has pruned. A fault that lasts may wait for its return.
    fn gone(&self, reference: &Reference<'_>, action: &Action, phase: usize, at_us: u64) -> Option<Problem> {
        let pool = reference.name;
        let removed_by = match reference.to {
            Referent::Nodepool => self.moments.removed_by(pool, phase, at_us)?,
            _ => return None,
        };
        let lasts = matches!(action, Action::AzureFault(asked) if !asked.fault.kind.is_instant());
        let so_far = self.moments.until_time(phase, at_us).len();
        let returns = self.moments.all()[so_far..].iter().any(|moment| moment.pool(pool).is_some());
        (!(lasts && returns)).then(|| pruned(&[], pool, self.inputs, removed_by))
    }

    fn of_expectations(&self) -> Vec<Diagnostic> {
        let file = &self.inputs.bound.file;
        let mut found = Vec::new();
        for expectation in &file.expect {
            let scope = expectation.variant.scope();
            let named: Vec<&str> = scope.all_phases().collect();
            let last = file.phases.iter().rposition(|phase| named.contains(&phase.name.as_str()));
            let moments = last.map_or(self.moments.all(), |last| self.moments.until(last));
            for reference in Reference::of_check(&expectation.variant) {
                if reference.to != Referent::Nodepool || self.is_own_tree() {
                    found.extend(self.reference(expectation.mark, &[], &reference, moments));
                }
            }
        }
        found
    }

    /// Labels of nodes whose values are known. Pods that must stay pending may ask for what is not there.
    fn of_workloads(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for (name, workload) in self.inputs.bound.file.workloads.iter().filter(|(_, workload)| !workload.stays_pending)
        {
            for (label, value) in &workload.node_selector {
                let Some(known) = known_values(self.inputs.skus, label) else { continue };
                if !known.contains(value) {
                    let path = ["workloads", name, "nodeSelector", label];
                    let message = format!("no node has {label}={value}");
                    let problem = Problem::unknown(&path, message, value, known.iter().map(String::as_str));
                    let number = known
                        .iter()
                        .find(|zone| label == Topology::Zone.label() && zone.ends_with(&format!("-{value}")));
                    found.push(match number {
                        Some(zone) => self
                            .error(Problem { hint: format!("nodes carry the region too: write `{zone}`"), ..problem }),
                        None => self.error(problem),
                    });
                }
            }
        }
        found
    }

    fn of_objects(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for (name, address) in &self.inputs.bound.file.objects {
            let problem = match address_problem(address) {
                None if self.is_known_in_full(address) => self.object_exists(name, address),
                wrong => wrong,
            };
            found.extend(problem.map(|problem| self.error(problem.under(name).under("objects"))));
        }
        found
    }

    /// Whether nothing but the tree, the scenario and the harness creates objects there.
    fn is_known_in_full(&self, address: &ObjectAddress) -> bool {
        let group = address.api_version.split_once('/').map_or("", |(group, _)| group);
        let namespace = address.namespace.as_deref().unwrap_or_default();
        let is_declared = || self.objects().any(|object| object.kind == "Namespace" && object.name == namespace);
        if self.moments.all().iter().any(|moment| moment.open_ended) && namespace != RUN_NAMESPACE {
            return false;
        }
        match (group, address.kind.as_str()) {
            ("karpenter.sh", kind) => kind == "NodePool",
            ("karpenter.azure.com", kind) => kind == "AKSNodeClass",
            (group, kind) if group.ends_with(".toolkit.fluxcd.io") => {
                !MADE_BY_FLUX.contains(&kind) && (namespace == FLUX_NAMESPACE || is_declared())
            }
            (_, kind) => DECLARED.contains(&kind) && (namespace == RUN_NAMESPACE || is_declared()),
        }
    }

    fn objects(&self) -> impl Iterator<Item = &ObjectAddress> {
        self.moments.all().iter().flat_map(|moment| &moment.objects)
    }

    fn object_exists(&self, name: &str, address: &ObjectAddress) -> Option<Problem> {
        let file = &self.inputs.bound.file;
        let is_created = file.actions().any(|action| {
            matches!(&action.variant, Action::Change(change)
                if change.create.is_some() && change.known_as(&file.objects) == Some(name))
        });
        let same_place = |object: &&ObjectAddress| {
            let of_cluster = object.namespace.is_none() || address.namespace.is_none();
            object.kind == address.kind && (of_cluster || object.namespace == address.namespace)
        };
        let mut known: BTreeSet<&str> = self.objects().filter(same_place).map(|object| object.name.as_str()).collect();
        known.extend(self.made_by_the_harness(address));
        if is_created || known.contains(address.name.as_str()) {
            return None;
        }
        let message = format!("neither the tree nor the scenario creates the {address}");
        Some(match known.is_empty() {
            true => {
                let hint = format!("nothing creates a {} there: correct its kind or its namespace", address.kind);
                Problem::new(&["kind"], message, hint)
            }
            false => Problem::unknown(&["name"], message, &address.name, known),
        })
    }

    /// The names of the objects of a kind that the harness creates in a namespace.
    fn made_by_the_harness<'n>(&'n self, address: &'n ObjectAddress) -> Vec<&'n str> {
        let of_workloads = |has: fn(&Workload) -> bool| {
            self.workloads.iter().filter(|workload| has(workload)).map(|workload| workload.name.as_str()).collect()
        };
        match (address.namespace.as_deref(), address.kind.as_str()) {
            (Some(RUN_NAMESPACE), "Deployment") => of_workloads(|_| true),
            (Some(RUN_NAMESPACE), "HorizontalPodAutoscaler") => of_workloads(|workload| workload.autoscale.is_some()),
            (Some(RUN_NAMESPACE), "PodDisruptionBudget") => {
                of_workloads(|workload| workload.disruption_budget.is_some())
            }
            (Some(RUN_NAMESPACE), "ResourceQuota") if self.inputs.bound.file.namespace_quota.is_some() => {
                vec![RUN_QUOTA]
            }
            (Some(FLUX_NAMESPACE), kind) => of_flux(kind).collect(),
            _ => Vec::new(),
        }
    }

    /// A name that is used in the value at a place.
    fn reference(&self, from: Mark, above: &[&str], reference: &Reference<'_>, moments: &[Moment]) -> Vec<Diagnostic> {
        let of_object = |name: &str| self.inputs.bound.file.objects.get(name);
        let problems = match reference.to {
            Referent::Field(field) => of_object(&field.object).map(|at| field_problems(at, field)).unwrap_or_default(),
            Referent::Path(object, path) => {
                of_object(object).and_then(|at| path_problem(at, path)).into_iter().collect()
            }
            _ => self.missing(reference, moments).into_iter().collect(),
        };
        problems.into_iter().map(|problem| self.placed(from, above, reference, problem)).collect()
    }

    /// A problem of a name at its place.
    fn placed(&self, from: Mark, above: &[&str], reference: &Reference<'_>, problem: Problem) -> Diagnostic {
        let above = above.iter().map(|key| (*key).to_owned());
        let path: Vec<String> = above.chain(reference.path.iter().cloned()).chain(problem.path).collect();
        let mark = self.inputs.scenario.mark_at(from, &path, reference.is_key);
        Diagnostic::new(self.inputs.scenario.file(), mark, problem.message).with_hint(problem.hint)
    }

    fn error(&self, problem: Problem) -> Diagnostic {
        let scenario = self.inputs.scenario;
        let mark = scenario.mark_at(scenario.top(), &problem.path, problem.is_key);
        Diagnostic::new(scenario.file(), mark, problem.message).with_hint(problem.hint)
    }

    /// That there is no such thing.
    fn missing(&self, reference: &Reference<'_>, moments: &[Moment]) -> Option<Problem> {
        let Reference { to, name, .. } = *reference;
        let Azure { zones, zone_numbers, families, sizes } = &self.azure;
        let source = &self.inputs.tree.source;
        let is_any = |known: &str| known.eq_ignore_ascii_case(name);
        let is_family = || families.iter().any(|family| is_any(family));
        let (is_known, known, message): (bool, Vec<&str>, String) = match to {
            Referent::Nodepool => {
                let message = format!("there is no NodePool `{name}` in the tree `{source}`");
                let pools = pools(moments);
                if !pools.contains(name) && self::pools(self.moments.all()).contains(name) {
                    let hint = "a later commit adds it: let that come first";
                    return Some(Problem::new(&[], format!("{message} yet"), hint));
                }
                (pools.contains(name), pools.into_iter().collect(), message)
            }
            Referent::Zone => {
                let all = zone_numbers.iter().chain(zones).copied();
                // Nodes carry zones in lower case, and events are compared with them letter by letter.
                let is_known = zones.is_empty() || name == NO_ZONE || all.clone().any(|known| known == name);
                (is_known, all.collect(), format!("there is no zone `{name}`"))
            }
            Referent::Family => {
                (is_family(), families.iter().copied().collect(), format!("there is no family `{name}` of VM sizes"))
            }
            Referent::QuotaScope => {
                let all = families.iter().copied().chain(QUOTAS).collect();
                (is_family() || QUOTAS.contains(&name), all, format!("there is no quota `{name}`"))
            }
            Referent::InstanceType => {
                (sizes.contains(name), sizes.iter().copied().collect(), format!("there is no VM size `{name}`"))
            }
            Referent::Sku => {
                let is_known = |size: &&str| is_any(size) || is_any(size.trim_start_matches(SIZE_PREFIX));
                let all = sizes.iter().copied();
                (sizes.iter().any(is_known), all.collect(), format!("there is no VM size `{name}`"))
            }
            Referent::Operation => {
                let all = self.inputs.operations;
                let is_known = all.is_empty() || all.contains(&name);
                (is_known, all.to_vec(), format!("Azure has no operation `{name}`"))
            }
            Referent::FluxKind => {
                let all = flux_kinds();
                (all.contains(&name), all, format!("Flux has no objects of the kind `{name}`"))
            }
            Referent::FluxObject(kind) => {
                let objects = moments.iter().flat_map(|moment| &moment.objects).filter(|object| object.kind == kind);
                let all: BTreeSet<&str> = objects.map(|object| object.name.as_str()).chain(of_flux(kind)).collect();
                let is_open = moments.iter().any(|moment| moment.open_ended)
                    || MADE_BY_FLUX.contains(&kind)
                    || !flux_kinds().contains(&kind);
                let message = format!("there is no {kind} `{name}` in the tree `{source}`");
                (is_open || all.contains(name), all.into_iter().collect(), message)
            }
            // They are no names.
            Referent::Field(_) | Referent::Path(..) => return None,
        };
        (!is_known).then(|| Problem::unknown(&[], message, name, known))
    }
}

/// That a NodePool is gone: the commit of a phase, by its index, has removed it.
pub(super) fn pruned(path: &[&str], pool: &str, inputs: &Inputs<'_>, removed_by: usize) -> Problem {
    let phase = &inputs.bound.file.phases[removed_by].name.value;
    let message = format!(
        "there is no NodePool `{pool}` any more: phase {phase} has removed it from the tree, and Flux has pruned it"
    );
    let hint = format!("let this come before, bring the pool back, or protect it with the annotation `{PROTECTION}`");
    Problem::new(path, message, hint)
}

/// The NodePools that there have been.
fn pools(moments: &[Moment]) -> BTreeSet<&str> {
    moments.iter().flat_map(|moment| &moment.pools).map(|pool| pool.name.as_str()).collect()
}

/// The objects of Flux of a kind that every target has.
fn of_flux(kind: &str) -> impl Iterator<Item = &str> {
    FLUX_OBJECTS.into_iter().filter(move |(of, _)| *of == kind).map(|(_, name): (&str, &str)| name)
}
