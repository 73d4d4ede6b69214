//! The plan's words for Azure's behaviour, in the simulator's words.

use std::collections::BTreeMap;

use harness_azure::behaviour::{Behaviour, BootModel, CapacityType, QuotaLimits};
use harness_azure::distribution::{Distribution as Drawn, Span as Length};
use harness_azure::faults::{ArmFaultMode, CapacityCode, EvictTarget, Fault, FaultKind, VmSelector};
use harness_plan::{AzureBehaviour, AzureFault, Distribution, NodeSelection};
use harness_units::Span;

/// The last part of a boot in which the Node is there and not Ready yet: an assumption after what AKS users report, about 55 s from
/// the request to the registration and 12 s from there to Ready. It also keeps what the controllers do on a registration out of the
/// moment at which Ready is measured.
const REGISTERED_SHARE: f64 = 0.2;

/// What Retry-After says where the scenario does not.
const RETRY_AFTER: Span = Span::from_secs(5);

/// The behaviour that the simulator starts the run with.
pub(crate) fn behaviour(planned: &AzureBehaviour, seed: u64) -> Behaviour {
    let mut boot = BootModel { registered_share: REGISTERED_SHARE, ..BootModel::default() };
    if let Some(distribution) = &planned.boot {
        boot.boot = drawn(distribution);
    }
    if let Some(distribution) = &planned.delete {
        boot.delete = drawn(distribution);
    }
    let mut quota = QuotaLimits::default();
    let mut families = BTreeMap::new();
    for (scope, cores) in &planned.quota_cores {
        let cores = i64::from(*cores);
        match scope.as_str() {
            "regional" => quota.regional_cores = cores,
            "spot" => quota.low_priority_cores = cores,
            family => {
                families.insert(family.to_owned(), cores);
            }
        }
    }
    quota.families = families;
    Behaviour { seed, boot, quota, faults: planned.faults.iter().map(fault).collect() }
}

/// A fault that the simulator understands.
pub(crate) fn fault(planned: &AzureFault) -> Fault {
    match planned {
        AzureFault::NoCapacity(none) => Fault::new(FaultKind::NoCapacity {
            only: VmSelector {
                sku: none.sku.clone(),
                family: none.family.clone(),
                zone: none.zone.clone(),
                capacity_type: none.capacity_type.as_deref().map(capacity_type),
                ..VmSelector::default()
            },
            // A shortage of one capacity type: the codes of a zone or a region would tell the controller that it has no other type either.
            code: none.capacity_type.as_ref().map(|_| CapacityCode::SkuNotAvailable),
            share: 1.0,
        }),
        AzureFault::Throttle(throttle) => {
            let fault = Fault::new(FaultKind::Throttle {
                retry_after: length(throttle.retry_after.unwrap_or(RETRY_AFTER)),
                share: throttle.share.unwrap_or(1.0),
                operation: None,
            });
            match throttle.duration {
                Some(duration) => fault.lasting(length(duration)),
                None => fault,
            }
        }
        AzureFault::NeverRegister(some) => Fault::new(FaultKind::NeverRegister {
            only: VmSelector { family: some.family.clone(), ..VmSelector::default() },
            share: some.share,
        }),
        AzureFault::SlowBoot { factor } => Fault::new(FaultKind::SlowBoot {
            only: VmSelector::default(),
            factor: *factor,
            extra: Length::ZERO,
            share: 1.0,
        }),
        AzureFault::OperationFail { code, message, share } => Fault::new(FaultKind::OperationFail {
            only: VmSelector::default(),
            code: code.clone(),
            message: message.clone(),
            share: *share,
        }),
        AzureFault::ArmOutage { duration } => {
            Fault::new(FaultKind::ArmOutage { mode: ArmFaultMode::default() }).lasting(length(*duration))
        }
        AzureFault::SpotEvict { share, notice } => Fault::new(FaultKind::SpotEvict {
            target: EvictTarget::Share(*share),
            notice: (*notice > Span::ZERO).then(|| length(*notice)),
        }),
        AzureFault::VmCrash(nodes) => {
            Fault::new(FaultKind::VmCrash { only: selector(nodes), share: 1.0 }).times(u64::from(nodes.count))
        }
        AzureFault::NodeCondition { condition, status, nodes } => Fault::new(FaultKind::NodeCondition {
            only: selector(nodes),
            condition: condition.clone(),
            status: status.clone(),
            share: 1.0,
        })
        .times(u64::from(nodes.count)),
        // Under one name for each quota: a second limit takes the place of the first.
        AzureFault::Quota { scope, cores } => {
            Fault::new(FaultKind::Quota { scope: quota_scope(scope).to_owned(), limit: i64::from(*cores) })
                .named(format!("quota-{scope}"))
        }
    }
}

fn selector(nodes: &NodeSelection) -> VmSelector {
    VmSelector { nodepool: nodes.nodepool.clone(), ..VmSelector::default() }
}

/// Azure's own names for the quotas over all families.
fn quota_scope(scope: &str) -> &str {
    match scope {
        "regional" => "cores",
        "spot" => "lowPriorityCores",
        family => family,
    }
}

/// Ends every fault; one that has ended by itself meanwhile is no error.
pub(crate) async fn clear_faults(azure: &harness_azure::control::Client) -> Result<(), String> {
    for state in azure.faults().await.map_err(|error| error.to_string())? {
        match azure.remove_fault(&state.fault.id).await {
            Ok(()) | Err(harness_azure::control::ControlError::Refused { status: 404, .. }) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(())
}

/// The fault in a few words, for the log.
pub(crate) fn name(planned: &AzureFault) -> String {
    format!("azure fault {}", fault(planned).kind.name())
}

fn drawn(distribution: &Distribution) -> Drawn {
    match distribution {
        Distribution::Constant(always) => Drawn::Constant(length(*always)),
        Distribution::Lognormal { median, p95 } => Drawn::Lognormal { median: length(*median), p95: length(*p95) },
        Distribution::Samples(samples) => Drawn::Samples(samples.iter().copied().map(length).collect()),
    }
}

fn length(span: Span) -> Length {
    Length(span.as_duration())
}

fn capacity_type(name: &str) -> CapacityType {
    // The scenario's validation lets nothing else through.
    if name == "spot" { CapacityType::Spot } else { CapacityType::OnDemand }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_plan::{NoCapacity, Share, Throttle};
    use rstest::rstest;

    #[rstest]
    #[case(AzureFault::NoCapacity(NoCapacity { zone: Some("2".to_owned()), ..NoCapacity::default() }))]
    #[case(AzureFault::Throttle(Throttle::default()))]
    #[case(AzureFault::NeverRegister(Share { share: 0.5, family: Some("F".to_owned()) }))]
    #[case(AzureFault::SlowBoot { factor: 3.0 })]
    #[case(AzureFault::OperationFail { code: "X".to_owned(), message: String::new(), share: 1.0 })]
    #[case(AzureFault::ArmOutage { duration: Span::from_secs(60) })]
    #[case(AzureFault::SpotEvict { share: 1.0, notice: Span::from_secs(30) })]
    #[case(AzureFault::VmCrash(NodeSelection { count: 1, nodepool: Some("web".to_owned()) }))]
    #[case(AzureFault::NodeCondition {
        condition: "kubernetes.azure.com/NodeHealthy".to_owned(),
        status: "False".to_owned(),
        nodes: NodeSelection { count: 2, nodepool: None },
    })]
    #[case(AzureFault::Quota { scope: "regional".to_owned(), cores: 8 })]
    #[case(AzureFault::Quota { scope: "spot".to_owned(), cores: 0 })]
    #[case(AzureFault::Quota { scope: "F".to_owned(), cores: 4 })]
    fn every_planned_fault_is_one_the_simulator_accepts(#[case] planned: AzureFault) {
        assert_eq!(fault(&planned).validate(), Ok(()));
    }

    #[test]
    fn a_second_limit_replaces_the_first() {
        let quota = |cores| fault(&AzureFault::Quota { scope: "F".to_owned(), cores });
        assert_eq!(quota(4).id, quota(8).id);
        assert!(!quota(4).id.is_empty());
    }

    #[test]
    fn quota_goes_to_its_scope() {
        let planned = AzureBehaviour {
            quota_cores: BTreeMap::from([("regional".to_owned(), 100), ("F".to_owned(), 0)]),
            boot: Some(Distribution::Constant(Span::from_secs(7))),
            ..AzureBehaviour::default()
        };
        let behaviour = behaviour(&planned, 7);
        assert_eq!(behaviour.quota.regional_cores, 100);
        assert_eq!(behaviour.quota.family("standardFSv2Family", "F"), 0);
        assert_eq!(behaviour.boot.boot, Drawn::Constant(Length::from_secs(7)));
        assert_eq!(behaviour.seed, 7);
        assert_eq!(behaviour.validate(), Ok(()));
    }
}
