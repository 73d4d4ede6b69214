//! The local clusters that are up, and what is on each.

use std::time::Duration;

use harness_cluster::local::{self, Phase};
use harness_run::RunLease;
use jiff::Timestamp;
use serde::Serialize;

use crate::error::TargetError;
use crate::local_cluster::attach;

/// How long one cluster may take to say what is on it. One that has failed may not answer.
const LOOK_LIMIT: Duration = Duration::from_secs(5);

/// A local cluster that is up.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterRow {
    /// Its name.
    pub name: String,
    /// How far it is; `None` where its supervisor does not answer.
    pub phase: Option<Phase>,
    /// Since when it is up.
    pub started_at: Option<Timestamp>,
    /// For how long it has been, seconds.
    pub age_s: Option<u64>,
    /// What is on it, where that is known.
    pub contents: Option<ClusterContents>,
    /// The run that has it at the moment.
    pub run: Option<String>,
    /// Why it has failed, or what it does not say.
    pub problem: Option<String>,
}

/// What is on a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterContents {
    /// NodePools.
    pub node_pools: usize,
    /// NodeClaims.
    pub node_claims: usize,
    /// Nodes.
    pub nodes: usize,
    /// VMs of its simulated Azure.
    pub vms: usize,
}

/// Every local cluster that is up, by name. One that does not answer is a row that says so.
pub async fn list_clusters() -> Vec<ClusterRow> {
    let mut rows = Vec::new();
    for name in local::list(&local::default_state_root()) {
        rows.extend(describe(name).await);
    }
    rows
}

/// `None` for one that has ended meanwhile.
async fn describe(name: String) -> Option<ClusterRow> {
    let mut row =
        ClusterRow { name, phase: None, started_at: None, age_s: None, contents: None, run: None, problem: None };
    let asked = tokio::time::timeout(LOOK_LIMIT, local::status(&local::default_state_root(), &row.name)).await;
    let status = match asked {
        Ok(Ok(status)) => status?,
        Ok(Err(error)) => return Some(ClusterRow { problem: Some(error.to_string()), ..row }),
        Err(_) => return Some(ClusterRow { problem: Some(silent()), ..row }),
    };
    row.phase = Some(status.phase);
    row.started_at = Some(status.started_at);
    row.age_s = u64::try_from(Timestamp::now().duration_since(status.started_at).as_secs()).ok();
    row.problem = status.failure.map(|failure| failure.to_string());
    if status.phase != Phase::Ready {
        return Some(row);
    }
    match tokio::time::timeout(LOOK_LIMIT, look(&row.name)).await {
        Ok(Ok((contents, run))) => (row.contents, row.run) = (Some(contents), run),
        Ok(Err(error)) => row.problem = Some(error.to_string()),
        Err(_) => row.problem = Some(silent()),
    }
    Some(row)
}

fn silent() -> String {
    format!("it has not said within {} s what is on it", LOOK_LIMIT.as_secs())
}

async fn look(name: &str) -> Result<(ClusterContents, Option<String>), TargetError> {
    let cluster = attach(name).await?;
    let found = cluster.contents().await?;
    let contents = ClusterContents {
        node_pools: found.number_of("NodePool"),
        node_claims: found.number_of("NodeClaim"),
        nodes: found.number_of("Node"),
        vms: found.number_of("VirtualMachine"),
    };
    let holder = RunLease::holder_on(&cluster).await?;
    Ok((contents, holder.map(|holder| holder.to_string())))
}
