//! The simulated Azure: distributions that exist, faults that happen.

use super::Context;
use crate::model::{DistributionSpec, FaultSpec, NodeConditionSpec, NodesOfSpec, Setting};
use harness_units::Share;
use harness_units::Span;
use harness_yaml::Diagnostic;
use harness_yaml::{Located, Mark};

/// Azure's notice before a spot VM is taken back is at most this.
/// Source: Azure's scheduled events documentation, event type Preempt.
const SPOT_NOTICE_MAX: Span = Span::from_secs(30);

pub(super) fn behaviour(context: &Context<'_>) -> Vec<Diagnostic> {
    let azure = &context.scenario.azure;
    let mut found = Vec::new();
    for distribution in [&azure.boot, &azure.delete].into_iter().flatten() {
        found.extend(impossible(context, distribution));
    }
    for name in azure.quota_cores.keys() {
        if !is_quota(name) {
            let message = format!("`{name}` is no quota");
            found.push(context.error(context.key_mark(&["azure", "quotaCores", name]), message, QUOTA_HINT));
        }
    }
    found
}

const QUOTA_HINT: &str = "name a family by its letters (F, NC), or write regional or spot";

fn is_quota(name: &str) -> bool {
    let family = name.len() <= 3 && !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase());
    family || ["regional", "spot"].contains(&name)
}

fn impossible(context: &Context<'_>, distribution: &Located<DistributionSpec>) -> Option<Diagnostic> {
    match &distribution.value {
        DistributionSpec::Constant(_) => None,
        DistributionSpec::Lognormal { median, p95 } => {
            let (low, high) = (median.value, p95.value);
            if low == Span::ZERO {
                let hint = "a lognormal duration is above 0s; write `constant: 0s` for none";
                return Some(context.error(median.mark, "the median is no time at all", hint));
            }
            (high <= low).then(|| {
                let message = format!("the 95th percentile ({high}) is not above the median ({low})");
                context.error(p95.mark, message, "raise p95, or write `constant: ...`")
            })
        }
        DistributionSpec::Samples(samples) => samples.is_empty().then(|| {
            context.error(distribution.mark, "there are no samples to draw from", "give at least one duration")
        }),
    }
}

pub(super) fn faults(context: &Context<'_>) -> Vec<Diagnostic> {
    let scenario = context.scenario;
    let at_start = scenario.azure.faults.iter().map(|fault| (&fault.value, fault.mark));
    let later = scenario
        .phases
        .iter()
        .flat_map(|phase| &phase.actions)
        .filter_map(|action| Some((action.azure_fault.as_ref()?, action.mark)));
    at_start.chain(later).flat_map(|(fault, mark)| harmless(context, fault, mark)).collect()
}

fn harmless(context: &Context<'_>, fault: &FaultSpec, mark: Mark) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut share = |setting: &Option<Setting<Share>>| {
        if let Some(setting) = setting
            && setting.value.0 == 0.0
        {
            found.push(context.error(setting.mark, "a fault that never happens", "give a share above 0"));
        }
    };
    match fault {
        FaultSpec::Throttle(throttle) => share(&throttle.share),
        FaultSpec::NeverRegister(part) => share(&part.share),
        FaultSpec::OperationFail { share: part, .. } | FaultSpec::SpotEvict { share: part, .. } => share(part),
        _ => {}
    }
    match fault {
        FaultSpec::NoCapacity(what) => {
            let known = ["spot", "on-demand"];
            if let Some(kind) = what.capacity_type.as_deref().filter(|kind| !known.contains(kind)) {
                let message = format!("`{kind}` is no capacity type");
                found.push(context.error(mark, message, harness_yaml::suggest::hint(kind, known)));
            }
        }
        FaultSpec::OperationFail { code, .. } if code.is_empty() => {
            found.push(context.error(mark, "an operation fails with a code", "give one, such as OperationNotAllowed"));
        }
        FaultSpec::ArmOutage { duration } if duration.value == Span::ZERO => {
            found.push(context.error(duration.mark, "an outage of no time at all", "give a duration above 0s"));
        }
        FaultSpec::SpotEvict { notice: Some(notice), .. } if notice.value > SPOT_NOTICE_MAX => {
            let message = format!("Azure gives a notice of at most {SPOT_NOTICE_MAX}");
            found.push(context.error(notice.mark, message, "give a shorter one"));
        }
        FaultSpec::VmCrash(NodesOfSpec { count: Some(count), .. })
        | FaultSpec::NodeCondition(NodeConditionSpec { count: Some(count), .. })
            if count.value == 0 =>
        {
            found.push(context.error(count.mark, "this happens to no VM", "give a count of at least 1"));
        }
        FaultSpec::NodeCondition(NodeConditionSpec { condition, .. }) if condition.is_empty() => {
            let hint = "give one, such as kubernetes.azure.com/NodeHealthy";
            found.push(context.error(mark, "a condition has a type", hint));
        }
        FaultSpec::Quota { scope, .. } if !is_quota(scope) => {
            found.push(context.error(mark, format!("`{scope}` is no quota"), QUOTA_HINT));
        }
        _ => {}
    }
    found
}
