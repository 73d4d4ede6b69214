//! What pods use, as the target's metrics API says it.

use std::collections::BTreeMap;
use std::sync::Arc;

use harness_cluster::metrics::{Demand, ExternalMetric, Load as Said};
use harness_plan::Load;
use tokio::sync::Mutex;

use super::Tools;
use crate::labels;

/// Thousandths of a metric's unit, in which the metrics API is told values.
const MILLI: u64 = 1_000;

/// What was said so far of each workload: the metrics API is told the whole each time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Loads(Arc<Mutex<BTreeMap<String, Said>>>);

/// Says what the pods of a workload use from now on. The error is in words, for the log.
pub(super) async fn set(load: &Load, tools: &Tools) -> Result<(), String> {
    let metrics = tools.cluster.metrics().ok_or("this target has no metrics API that can be told anything")?;
    for (name, value) in &load.external_metrics {
        let metric =
            ExternalMetric { name: name.clone(), labels: BTreeMap::new(), value_milli: u64::from(*value) * MILLI };
        metrics.set_external(&metric).await.map_err(|error| error.to_string())?;
    }
    // Held while it is sent: of two actions on one workload the later must not be overtaken.
    let mut said = tools.loads.0.lock().await;
    let namespace = labels::namespace(&tools.run_id);
    let whole = said.entry(load.workload.clone()).or_insert_with(|| Said::new(namespace, load.workload.as_str()));
    add(whole, load);
    if whole.is_empty() {
        return Ok(());
    }
    metrics.set_load(whole).await.map_err(|error| error.to_string())
}

/// What is not given stays as it was.
fn add(whole: &mut Said, load: &Load) {
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
    fn what_is_not_given_stays_as_it_was() {
        let mut whole = Said::new("ns", "web");
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
