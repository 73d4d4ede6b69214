//! CPU and memory of every process, in samples.

use std::sync::Arc;
use std::time::Duration;

use harness_cluster::Cluster;
use harness_record::EventKind;
use harness_record::event::{Audit, ProcessUsage};

use crate::hub::Hub;

/// Often enough for a curve, and cheap.
const EVERY: Duration = Duration::from_secs(2);

/// Samples until the task is aborted.
pub(crate) async fn sample(cluster: Arc<Cluster>, hub: Hub) {
    let mut every = tokio::time::interval(EVERY);
    loop {
        every.tick().await;
        record(&cluster, &hub).await;
    }
}

/// Records one sample.
pub(crate) async fn record(cluster: &Cluster, hub: &Hub) {
    let usages = match cluster.usage().await {
        Ok(usages) => usages,
        // The run ends anyway when the target fails.
        Err(error) => return tracing::debug!("no usage: {error}"),
    };
    let processes = usages.into_iter().map(|usage| ProcessUsage {
        name: usage.name,
        cpu_ms: usage.cpu_ms,
        rss_bytes: usage.rss_bytes,
        rss_max_bytes: usage.rss_peak_bytes,
    });
    hub.record(EventKind::Audit(Audit::Requests { sent: cluster.requests_sent() }));
    hub.record(EventKind::Usage { processes: processes.collect() });
}
