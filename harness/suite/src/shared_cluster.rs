//! The cluster under the runs of a suite: one for all of them, checked after each run and replaced where a run changed it. Repeated runs get
//! a fresh cluster each, so that none inherits the state of those before it and each is comparable with a single run.

use std::path::{Path, PathBuf};
use std::time::Duration;

use harness_cluster::local::{self, TeardownReport};
use harness_cluster::{Cluster, Contents};
use harness_run::{Interrupts, RunLease};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::error::TargetError;
use crate::local_cluster::{check_flux, check_region, find_usable};
use crate::progress::{ClusterUse, SharedListener, Update};
use crate::region::Region;
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
    interrupts: &'a Interrupts,
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
    /// What was on it before the first run changed anything, and after what earlier runs had left was undone. `None` until a run came so far.
    known_state: Option<Contents>,
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
    pub(crate) fn new(
        target: &'a Target,
        id: &'a str,
        out: &Path,
        fresh: bool,
        interrupts: &'a Interrupts,
        progress: &'a SharedListener,
    ) -> Self {
        let logs = out.join("logs");
        Self { target, id, logs, interrupts, progress, fresh, current: None, started: 0, leaks: Vec::new() }
    }

    /// Returns the cluster for the next run, in the region that this is planned for; the first time the one that is up, or a new one. One of
    /// its own that is in another region is replaced.
    pub(crate) async fn acquire(&mut self, region: Region) -> Result<Cluster, TargetError> {
        if let Some(current) = &self.current {
            let is_own = current.own.is_some();
            match self.target.find(&current.name).await {
                Ok(Some(cluster)) => match check_region(&cluster, region) {
                    Ok(()) => return Ok(cluster),
                    Err(_) if is_own => self.remove().await,
                    Err(error) => return Err(error),
                },
                // It died after the last run, which is not to blame for it.
                Ok(None) | Err(_) if is_own => self.remove().await,
                Ok(None) => return Err(TargetError::not_up(&current.name)),
                Err(error) => return Err(error),
            }
        } else if let Some(cluster) = self.target.find(self.target.cluster_name()).await? {
            check_region(&cluster, region)?;
            let name = cluster.name().to_owned();
            self.progress.update(Update::ClusterFound { name: &name });
            check_flux(&cluster).await?;
            self.current = Some(CurrentCluster { name, own: None, known_state: None });
            return Ok(cluster);
        }
        self.start(region).await
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
    async fn start(&mut self, region: Region) -> Result<Cluster, TargetError> {
        let purpose = match (self.fresh, self.started) {
            (true, _) => ClusterUse::Run,
            (false, 0) => ClusterUse::Suite,
            (false, _) => ClusterUse::Replacement,
        };
        self.progress.update(Update::ClusterStarting(purpose));
        match self.try_start(region).await {
            Err(error) if error.is_transient() => {
                self.progress.update(Update::ClusterStartRetried(&error));
                self.try_start(region).await
            }
            outcome => outcome,
        }
    }

    async fn try_start(&mut self, region: Region) -> Result<Cluster, TargetError> {
        let Target::Local(local_cluster) = self.target else {
            return Err(TargetError::not_up(self.target.cluster_name()));
        };
        self.started += 1;
        let name = format!("run-{}-{}", self.id, self.started);
        let config = local_cluster.config(&name, region, self.progress.as_ref()).await?;
        let own = local::throwaway(config).await?;
        match find_usable(&name).await.and_then(|found| found.ok_or_else(|| TargetError::not_up(&name))) {
            Ok(cluster) => {
                self.current = Some(CurrentCluster { name, own: Some(own), known_state: None });
                Ok(cluster)
            }
            Err(error) => {
                self.take_down(&name, own).await;
                Err(error)
            }
        }
    }

    /// Takes note of what a run has found once everything that earlier ones had left was undone. That of the first run on a cluster counts: what
    /// is there later is of the suite's own runs.
    pub(crate) fn set_known_state(&mut self, contents: Contents) {
        if let Some(current) = &mut self.current {
            current.known_state.get_or_insert(contents);
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
        let mut attached = None;
        let look = async || current.leftovers(self.target, &mut attached).await;
        let leftovers = settled(look, &self.interrupts.interrupt).await;
        // A cluster of its own is taken down after an interrupt, with all that is on it.
        let is_over = is_own && self.interrupts.interrupt.is_cancelled();
        if leftovers.is_empty() || is_over {
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
        let logs = self.logs.join(name);
        self.record_teardown(name, cluster.teardown(Some(&logs))).await;
    }

    /// Waits for a teardown as long as anything is waited for. The processes of a cluster end with this one.
    async fn record_teardown(&mut self, name: &str, teardown: impl Future<Output = TeardownReport>) {
        match self.interrupts.unless_leaving(teardown).await {
            Some(report) => self.leaks.extend(report.left),
            None => self.leaks.push(format!("Cluster {name}")),
        }
    }
}

impl CurrentCluster {
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
        let Some(known_state) = &self.known_state else { return Ok(Vec::new()) };
        // A run that has taken the cluster over: what is there is that one's, and the next run of the suite is refused with its name.
        if self.own.is_none() && RunLease::holder_on(cluster).await?.is_some() {
            return Ok(Vec::new());
        }
        Ok(cluster.contents().await?.left_since(known_state))
    }
}

/// Looks until nothing is different, or everything has had its time to end. Returns what the last look has found; an interrupt ends the wait.
async fn settled(
    mut look: impl AsyncFnMut() -> Result<Vec<String>, TargetError>,
    interrupt: &CancellationToken,
) -> Vec<String> {
    let until = Instant::now() + SETTLE_LIMIT;
    let mut leftovers = Vec::new();
    loop {
        let looked = tokio::select! {
            biased;
            () = interrupt.cancelled() => return leftovers,
            looked = timeout_at(until, look()) => looked,
        };
        leftovers = match looked {
            Ok(Ok(leftovers)) => leftovers,
            Ok(Err(error)) => vec![error.to_string()],
            Err(_) if leftovers.is_empty() => {
                vec![format!("it has not said within {} s what is on it", SETTLE_LIMIT.as_secs())]
            }
            Err(_) => return leftovers,
        };
        if leftovers.is_empty() || Instant::now() >= until {
            return leftovers;
        }
        tokio::select! {
            biased;
            () = interrupt.cancelled() => return leftovers,
            () = tokio::time::sleep(SETTLE_POLL) => {}
        }
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
    use std::future::pending;
    use std::sync::Arc;

    use super::*;
    use crate::progress::Silent;

    fn in_s(seconds: u64, token: &CancellationToken) {
        let token = token.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            token.cancel();
        });
    }

    /// Before, neither a look at an API server that does not answer nor the wait for 20 s ended with the grace period of an interrupt.
    #[tokio::test(start_paused = true)]
    async fn an_interrupt_ends_the_wait_for_what_a_run_left_and_what_was_seen_is_named() {
        for (looks, seen) in [(0, vec![]), (1, vec!["Node a".to_owned()])] {
            let (interrupt, began) = (CancellationToken::new(), Instant::now());
            in_s(3, &interrupt);
            let mut looked = 0;
            let look = async || {
                looked += 1;
                match looked <= looks {
                    true => Ok(vec!["Node a".to_owned()]),
                    false => pending().await,
                }
            };
            assert_eq!(settled(look, &interrupt).await, seen);
            assert_eq!(began.elapsed().as_secs(), 3);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_cluster_that_does_not_answer_is_not_waited_for_without_end() {
        let began = Instant::now();
        let leftovers = settled(async || pending().await, &CancellationToken::new()).await;
        assert_eq!(leftovers, ["it has not said within 20 s what is on it"]);
        assert_eq!(began.elapsed(), SETTLE_LIMIT);
    }

    /// Before, the end of a suite waited for its cluster to stop, whatever `--grace` allowed.
    #[tokio::test(start_paused = true)]
    async fn a_cluster_that_does_not_stop_in_time_is_named() {
        let (target, interrupts, progress) =
            (Target::default(), Interrupts::default(), Arc::new(Silent) as SharedListener);
        let mut shared = SharedCluster::new(&target, "x", Path::new("out"), false, &interrupts, &progress);
        in_s(4, &interrupts.leave);
        let began = Instant::now();
        shared.record_teardown("run-x-1", pending()).await;
        assert_eq!(began.elapsed().as_secs(), 4);
        assert_eq!(shared.end().await, ["Cluster run-x-1"]);
    }

    #[test]
    fn many_leftovers_are_counted() {
        let leftovers: Vec<String> = (0..10).map(|index| format!("Node n{index}")).collect();
        assert_eq!(list(&leftovers[..2]), "Node n0, Node n1");
        assert!(list(&leftovers).ends_with("Node n7 and 2 more"));
    }
}
