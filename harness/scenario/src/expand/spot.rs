//! Evictions of spot VMs at a moment at which no VM that they may hit can be one.

use std::collections::BTreeSet;

use super::inputs::Inputs;
use super::moments::Moments;
use super::references::SIZE_PREFIX;
use harness_plan::{Action, AzureFault, Topology, Workload};
use harness_simulation::{CapacityType, Fault, FaultKind, VmSelector};
use harness_tree::derive::fitting_with;
use harness_tree::{NodePool, SkuFact};
use harness_yaml::{Diagnostic, Mark};

const HINT: &str = "let a NodePool have some before, by the requirement `{key: karpenter.sh/capacity-type, operator: In, values: [spot]}`, or use \
                    `vmCrash`";

/// Every eviction for which there can be no spot VM.
pub(super) fn impossible(inputs: &Inputs<'_>, moments: &Moments, workloads: &[Workload]) -> Vec<Diagnostic> {
    let check = Check { inputs, moments };
    let file = &inputs.bound.file;
    let mut found = Vec::new();
    for (phase, spec) in file.phases.iter().enumerate() {
        for action in &spec.actions {
            let Action::AzureFault(AzureFault { fault, workload }) = &action.variant else { continue };
            let workload = workload.as_ref().and_then(|name| workloads.iter().find(|one| one.name == *name));
            let at = (phase, action.beside.after.as_micros());
            found.extend(check.fault(action.mark, &["azureFault"], fault, workload, at));
        }
    }
    for (index, fault) in file.azure.faults.iter().enumerate() {
        // They are set when the first phase starts.
        found.extend(check.fault(inputs.scenario.top(), &["azure", "faults", &index.to_string()], fault, None, (0, 0)));
    }
    found
}

struct Check<'a> {
    inputs: &'a Inputs<'a>,
    moments: &'a Moments,
}

impl Check<'_> {
    /// The error of the fault at a place, which is set at a time in a phase.
    fn fault(
        &self,
        from: Mark,
        above: &[&str],
        fault: &Fault,
        workload: Option<&Workload>,
        at: (usize, u64),
    ) -> Option<Diagnostic> {
        let FaultKind::SpotEvict { only, .. } = &fault.kind else { return None };
        if self.is_reported(only, at) || self.is_possible(only, workload, at) {
            return None;
        }
        let (below, message): (&[&str], String) = match &only.nodepool {
            Some(pool) => (&["only", "nodepool"], format!("`{pool}` has no spot VM then that this could evict")),
            None => (&[], "no NodePool has a spot VM then that this could evict".to_owned()),
        };
        let path: Vec<String> =
            [above, &[fault.kind.as_str()], below].concat().into_iter().map(str::to_owned).collect();
        let scenario = self.inputs.scenario;
        let mark = scenario.mark_at(from, &path, below.is_empty());
        Some(Diagnostic::new(scenario.file(), mark, message).with_hint(HINT))
    }

    /// Whether it names a NodePool that there never is, or that is gone: that is an error of the name.
    fn is_reported(&self, only: &VmSelector, (phase, at_us): (usize, u64)) -> bool {
        only.nodepool.as_ref().is_some_and(|name| {
            self.moments.all().iter().all(|moment| moment.pool(name).is_none())
                || self.moments.removed_by(name, phase, at_us).is_some()
        })
    }

    /// Whether a NodePool that is still there has, or had at an earlier moment, a state in which a spot VM that is meant can be made: VMs outlive
    /// a change of their NodePool.
    fn is_possible(&self, only: &VmSelector, workload: Option<&Workload>, (phase, at_us): (usize, u64)) -> bool {
        let so_far = self.moments.until_time(phase, at_us);
        let is_there = |pool: &NodePool| so_far.last().is_some_and(|now| now.pool(&pool.name).is_some());
        let is_meant = |pool: &NodePool| {
            is_one(only.nodepool.as_deref(), &[&pool.name])
                && workload.is_none_or(|workload| workload.classes().any(|class| class == pool.name))
        };
        let mut pools = so_far.iter().flat_map(|moment| &moment.pools);
        pools.any(|pool| is_there(pool) && is_meant(pool) && self.can_be_spot(pool, only))
    }

    /// Whether a NodePool can make a spot VM of a size and in a zone that are meant.
    fn can_be_spot(&self, pool: &NodePool, only: &VmSelector) -> bool {
        let skus = self.inputs.skus;
        let is_size = |sku: &SkuFact| {
            is_one(only.sku.as_deref(), &[&sku.name, sku.name.trim_start_matches(SIZE_PREFIX)])
                && is_one(only.family.as_deref(), &[&sku.family, &sku.quota_family])
        };
        let spot = (Topology::CapacityType.label(), CapacityType::Spot.as_str());
        let fits = |labels: &[(&str, &str)]| fitting_with(pool, skus, labels).into_iter().any(is_size);
        // VMs without a zone, and a zone that there is not, are another matter.
        let zones: BTreeSet<&str> = skus.iter().flat_map(|sku| &sku.zones).map(String::as_str).collect();
        let number = |zone: &str| zone.rsplit_once('-').map_or_else(String::new, |(_, number)| number.to_owned());
        let mut meant = zones
            .into_iter()
            .filter(|zone| only.zone.is_some() && is_one(only.zone.as_deref(), &[zone, &number(zone)]))
            .peekable();
        if meant.peek().is_none() {
            fits(&[spot])
        } else {
            meant.any(|zone| fits(&[spot, (Topology::Zone.label(), zone)]))
        }
    }
}

/// Whether a name is one of these, in any case; none is asked for by `None`.
fn is_one(wanted: Option<&str>, names: &[&str]) -> bool {
    wanted.is_none_or(|wanted| names.iter().any(|name| name.eq_ignore_ascii_case(wanted)))
}
