//! The cluster under the runs of a suite: one for all of them, checked after each run and replaced where a run changed it. Repeated runs get
//! a fresh cluster each, so that none inherits the state of those before it and each is comparable with a single run.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use harness_cluster::{Cluster, Contents, local};
use harness_run::RunLease;

use crate::error::TargetError;
use crate::local_cluster::{check_flux, find_usable};
use crate::progress::{ClusterUse, SharedListener, Update};
use crate::target::Target;

/// How long the effects of a run's cleanup may take to end.
const SETTLE_LIMIT: Duration = Duration::from_secs(20);
/// The pause between two checks.
const SETTLE_POLL: Duration = Duration::from_millis(500);
/// How many leftovers are named; the rest is counted.
const NAMED_MAX: usize = 8;

/// The cluster that the runs of a suite get, one after another.
pub(crate) struct SharedCluster<'a> {
    target: &'a Target,
    /// The suite's id, part of the names of its own clusters.
    id: &'a str,
    /// Where the logs of its own clusters go.
    logs: PathBuf,
    progress: &'a SharedListener,
    /// Whether each run gets a fresh cluster, if the clusters are the suite's own.
    fresh: bool,
    current: Option<CurrentCluster>,
    /// How many clusters of its own it has started.
    started: usize,
    /// What of them could not be removed.
    leaks: Vec<String>,
}

struct CurrentCluster {
    name: String,
    /// The cluster itself if it is the suite's own: it is taken down with this value.
    own: Option<Cluster>,
    /// What was on it before the first run.
    before: Contents,
}

/// The state of the cluster after a run.
pub(crate) enum AfterRun {
    /// It is as it was before.
    Unchanged,
    /// It is replaced for the next run: the target failed, or this is different.
    Replaced(Option<String>),
    /// It is different, and it is not the suite's to replace: what is different.
    Contaminated(String),
}

impl<'a> SharedCluster<'a> {
    pub(crate) fn new(target: &'a Target, id: &'a str, out: &Path, fresh: bool, progress: &'a SharedListener) -> Self {
        let logs = out.join("logs");
        Self { target, id, logs, progress, fresh, current: None, started: 0, leaks: Vec::new() }
    }

    /// Returns the cluster for the next run; the first time the one that is up, or a new one.
    pub(crate) async fn acquire(&mut self) -> Result<Cluster, TargetError> {
        if let Some(current) = &self.current {
            let is_own = current.own.is_some();
            match self.target.find(&current.name).await {
                Ok(Some(cluster)) => return Ok(cluster),
                // It died after the last run, which is not to blame for it.
                Ok(None) | Err(_) if is_own => self.remove().await,
                Ok(None) => return Err(TargetError::not_up(&current.name)),
                Err(error) => return Err(error),
            }
        } else if let Some(cluster) = self.target.find(self.target.cluster_name()).await? {
            let name = cluster.name().to_owned();
            self.progress.update(Update::ClusterFound { name: &name });
            check_flux(&cluster).await?;
            let before = cluster.contents().await?;
            self.current = Some(CurrentCluster { name, own: None, before });
            return Ok(cluster);
        }
        self.start().await
    }

    /// Takes the Lease of a cluster that is not the suite's own, for a run.
    pub(crate) async fn lease(&self, cluster: &Cluster, run_id: &str) -> Result<Option<RunLease>, TargetError> {
        match &self.current {
            Some(current) if current.own.is_some() => Ok(None),
            Some(_) | None => Ok(Some(RunLease::take(cluster, run_id).await?)),
        }
    }

    /// Starts a cluster of its own. A start that fails is attempted once more: a machine that is busy for a moment is not a reason to give up
    /// every run that has not been started yet.
    async fn start(&mut self) -> Result<Cluster, TargetError> {
        let purpose = match (self.fresh, self.started) {
            (true, _) => ClusterUse::Run,
            (false, 0) => ClusterUse::Suite,
            (false, _) => ClusterUse::Replacement,
        };
        self.progress.update(Update::ClusterStarting(purpose));
        match self.try_start().await {
            Err(error) if error.is_transient() => {
                self.progress.update(Update::ClusterStartRetried(&error));
                self.try_start().await
            }
            outcome => outcome,
        }
    }

    async fn try_start(&mut self) -> Result<Cluster, TargetError> {
        let Target::Local(local_cluster) = self.target else {
            return Err(TargetError::not_up(self.target.cluster_name()));
        };
        self.started += 1;
        let name = format!("run-{}-{}", self.id, self.started);
        let config = local_cluster.config(&name, self.progress.as_ref()).await?;
        let own = local::throwaway(config).await?;
        let inspected = async {
            let before = own.contents().await?;
            let cluster = find_usable(&name).await?.ok_or_else(|| TargetError::not_up(&name))?;
            Ok((before, cluster))
        };
        match inspected.await {
            Ok((before, cluster)) => {
                self.current = Some(CurrentCluster { name, own: Some(own), before });
                Ok(cluster)
            }
            Err(error) => {
                self.take_down(&name, own).await;
                Err(error)
            }
        }
    }

    /// Checks the cluster after a run. If the run says that the target failed, a cluster of its own is not used again.
    pub(crate) async fn check_after_run(&mut self, target_failed: bool) -> AfterRun {
        let Some(current) = &self.current else { return AfterRun::Unchanged };
        let is_own = current.own.is_some();
        if target_failed && is_own {
            self.remove().await;
            return AfterRun::Replaced(None);
        }
        let leftovers = current.settled_leftovers(self.target).await;
        if leftovers.is_empty() {
            if self.fresh {
                self.remove().await;
            }
            return AfterRun::Unchanged;
        }
        let leftovers = list(&leftovers);
        if !is_own {
            return AfterRun::Contaminated(leftovers);
        }
        self.remove().await;
        AfterRun::Replaced(Some(leftovers))
    }

    /// Takes a cluster of its own down; another one stays as it is. Returns what could not be removed.
    pub(crate) async fn end(mut self) -> Vec<String> {
        self.remove().await;
        self.leaks
    }

    async fn remove(&mut self) {
        if let Some(CurrentCluster { name, own: Some(cluster), .. }) = self.current.take() {
            self.take_down(&name, cluster).await;
        }
    }

    async fn take_down(&mut self, name: &str, cluster: Cluster) {
        let report = cluster.teardown(Some(&self.logs.join(name))).await;
        self.leaks.extend(report.left);
    }
}

impl CurrentCluster {
    /// Returns what is different from before the first run once everything had its time to end.
    async fn settled_leftovers(&self, target: &Target) -> Vec<String> {
        let started = Instant::now();
        let mut attached = None;
        loop {
            let leftovers = match self.leftovers(target, &mut attached).await {
                Ok(leftovers) => leftovers,
                Err(error) => vec![error.to_string()],
            };
            if leftovers.is_empty() || started.elapsed() >= SETTLE_LIMIT {
                return leftovers;
            }
            tokio::time::sleep(SETTLE_POLL).await;
        }
    }

    /// What is different now. `attached` keeps the connection to a cluster that is not the suite's own.
    async fn leftovers(&self, target: &Target, attached: &mut Option<Cluster>) -> Result<Vec<String>, TargetError> {
        let cluster = match (&self.own, attached) {
            (Some(own), _) => own,
            (None, Some(attached)) => attached,
            (None, none) => {
                let found = target.find(&self.name).await?;
                none.insert(found.ok_or_else(|| TargetError::not_up(&self.name))?)
            }
        };
        Ok(cluster.contents().await?.left_since(&self.before))
    }
}

fn list(leftovers: &[String]) -> String {
    let mut text = leftovers.iter().take(NAMED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    if leftovers.len() > NAMED_MAX {
        text.push_str(&format!(" and {} more", leftovers.len() - NAMED_MAX));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_leftovers_are_counted() {
        let leftovers: Vec<String> = (0..10).map(|index| format!("Node n{index}")).collect();
        assert_eq!(list(&leftovers[..2]), "Node n0, Node n1");
        assert!(list(&leftovers).ends_with("Node n7 and 2 more"));
    }
}
