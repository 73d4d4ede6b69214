//! The simulated Azure's behaviour with its values filled in.

use crate::model::{AzureSpec, DistributionSpec, FaultSpec, NodeConditionSpec, NodesOfSpec, Setting, ShareSpec};
use harness_plan::{AzureBehaviour, AzureFault, Distribution, NodeSelection, Share as PlanShare, Throttle};
use harness_units::Share;
use harness_units::Span;
use harness_yaml::Located;

pub(super) fn behaviour(spec: &AzureSpec) -> AzureBehaviour {
    AzureBehaviour {
        boot: spec.boot.as_ref().map(|boot| distribution(boot)),
        delete: spec.delete.as_ref().map(|delete| distribution(delete)),
        quota_cores: spec.quota_cores.iter().map(|(name, cores)| (name.clone(), cores.value)).collect(),
        faults: spec.faults.iter().map(|spec| fault(spec)).collect(),
    }
}

fn distribution(spec: &DistributionSpec) -> Distribution {
    match spec {
        DistributionSpec::Constant(value) => Distribution::Constant(value.value),
        DistributionSpec::Lognormal { median, p95 } => Distribution::Lognormal { median: median.value, p95: p95.value },
        DistributionSpec::Samples(samples) => {
            Distribution::Samples(samples.iter().map(|sample| sample.value).collect())
        }
    }
}

pub(super) fn fault(spec: &FaultSpec) -> AzureFault {
    let part = |share: &Option<Setting<Share>>| share.as_ref().map_or(1.0, |share| share.value.0);
    let span = |span: &Option<Setting<Span>>| span.as_ref().map(|span| span.value);
    match spec {
        FaultSpec::NoCapacity(what) => AzureFault::NoCapacity(what.clone()),
        FaultSpec::Throttle(throttle) => AzureFault::Throttle(Throttle {
            share: throttle.share.as_ref().map(|share| share.value.0),
            duration: span(&throttle.duration),
            retry_after: span(&throttle.retry_after),
        }),
        FaultSpec::NeverRegister(ShareSpec { share, family }) => {
            AzureFault::NeverRegister(PlanShare { share: part(share), family: family.clone() })
        }
        FaultSpec::SlowBoot { factor } => AzureFault::SlowBoot { factor: factor.value.0 },
        FaultSpec::OperationFail { code, message, share } => {
            AzureFault::OperationFail { code: code.clone(), message: message.clone(), share: part(share) }
        }
        FaultSpec::ArmOutage { duration } => AzureFault::ArmOutage { duration: duration.value },
        FaultSpec::SpotEvict { share, notice } => {
            AzureFault::SpotEvict { share: part(share), notice: span(notice).unwrap_or(Span::ZERO) }
        }
        FaultSpec::VmCrash(NodesOfSpec { count, nodepool }) => AzureFault::VmCrash(nodes(count, nodepool)),
        FaultSpec::NodeCondition(NodeConditionSpec { condition, status, count, nodepool }) => {
            AzureFault::NodeCondition {
                condition: condition.clone(),
                status: status.as_str().to_owned(),
                nodes: nodes(count, nodepool),
            }
        }
        FaultSpec::Quota { scope, cores } => AzureFault::Quota { scope: scope.clone(), cores: cores.value },
    }
}

fn nodes(count: &Option<Setting<u32>>, nodepool: &Option<Located<String>>) -> NodeSelection {
    NodeSelection {
        count: count.as_ref().map_or(1, |count| count.value),
        nodepool: nodepool.as_ref().map(|pool| pool.value.clone()),
    }
}
