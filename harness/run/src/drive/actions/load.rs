//! What pods use, as the target's metrics API reports it.

use std::collections::BTreeMap;
use std::sync::Arc;

use harness_cluster::metrics::{Demand, ExternalMetric, Load as Reported};
use harness_plan::Load;
use tokio::sync::Mutex;

use super::Done;
use crate::drive::context::Context;
use crate::error::ActionError;
use crate::state::Effect;

/// Thousandths of a metric's unit, in which the metrics API takes values.
const MILLI: u64 = 1_000;

/// The load of each workload so far: the metrics API takes the whole each time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Loads(Arc<Mutex<BTreeMap<String, Reported>>>);

/// Sets what the pods of a workload use from now on.
pub(super) async fn act(load: &Load, loads: &Loads, context: &Context) -> Result<Done, ActionError> {
    let metrics = context.metrics()?;
    let mut changed = false;
    for (name, value) in &load.external_metrics {
        let metric =
            ExternalMetric { name: name.clone(), labels: BTreeMap::new(), value_milli: u64::from(*value) * MILLI };
        metrics.set_external(&metric).await?;
        changed = true;
    }
    // Held while it is sent: of two actions on one workload the later must not be overtaken.
    let mut loads = loads.0.lock().await;
    let new = || Reported::new(context.namespace(), load.workload.as_str());
    let whole = loads.entry(load.workload.clone()).or_insert_with(new);
    let before = whole.clone();
    add(whole, load);
    changed |= *whole != before;
    if !whole.is_empty() {
        metrics.set_load(whole).await?;
    }
    let effect = changed.then(|| Effect::Load { workload: load.workload.clone() });
    Ok(Done { pushed: None, effect })
}

/// Clears every metric, where there are any.
pub(super) async fn undo(context: &Context) -> Result<(), ActionError> {
    match context.cluster.metrics() {
        Some(metrics) => Ok(metrics.clear().await?),
        None => Ok(()),
    }
}

/// Values that the action does not give stay as they were.
fn add(whole: &mut Reported, load: &Load) {
    if let Some(cpu) = load.cpu {
        whole.cpu_millicores = Some(Demand::total(cpu.0));
    }
    if let Some(memory) = load.memory {
        whole.memory_bytes = Some(Demand::total(memory.0));
    }
    let custom = load.pod_metrics.iter();
    whole.custom_milli.extend(custom.map(|(name, value)| (name.clone(), Demand::total(u64::from(*value) * MILLI))));
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_units::{Bytes, Millicores};

    #[test]
    fn values_that_are_not_given_stay_as_they_were() {
        let mut whole = Reported::new("ns", "web");
        let metric = |value| BTreeMap::from([("requests".to_owned(), value)]);
        add(&mut whole, &Load { cpu: Some(Millicores(1_500)), pod_metrics: metric(7), ..Load::default() });
        add(&mut whole, &Load { memory: Some(Bytes(1 << 30)), ..Load::default() });
        assert_eq!(whole.cpu_millicores, Some(Demand::total(1_500)));
        assert_eq!(whole.memory_bytes, Some(Demand::total(1 << 30)));
        add(&mut whole, &Load { pod_metrics: metric(8), ..Load::default() });
        assert_eq!(whole.custom_milli["requests"], Demand::total(8_000));
        assert_eq!(whole.cpu_millicores, Some(Demand::total(1_500)));
    }
}
