//! The cluster under several runs: one for all of them, looked at after each, and replaced where a run spoilt it. Repeated runs get a fresh one
//! each, so that none inherits the state of those before it and a single run is comparable with them.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use harness_cluster::local::{self, Phase};
use harness_cluster::{Cluster, Contents};

use crate::args::Local;
use crate::console::Console;
use crate::error::CliError;
use crate::target;

/// How long what a run's cleanup has set going may take to come to its end.
const SETTLE_LIMIT: Duration = Duration::from_secs(20);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How many things that are left are named; the rest is counted.
const NAMED: usize = 8;

/// The cluster that runs get, one after another.
pub(crate) struct Clusters<'a> {
    args: &'a Local,
    /// The id of the whole, part of the names of its own clusters.
    id: &'a str,
    /// Where the logs of its own clusters go.
    logs: PathBuf,
    console: &'a Console,
    /// Whether each run gets a fresh one, where they are our own.
    fresh: bool,
    held: Option<Held>,
    /// Its own clusters so far.
    started: usize,
    /// What of them could not be removed.
    left: Vec<String>,
}

struct Held {
    name: String,
    /// The cluster itself where it is our own: it goes when this goes.
    own: Option<Cluster>,
    /// What was on it before the first run.
    before: Contents,
}

/// What has become of the cluster after a run.
pub(crate) enum After {
    /// It is as it was before.
    Clean,
    /// It is replaced for the next run: what was left, where that was looked at.
    Replaced(Option<String>),
    /// It was not, and it is not ours to replace: what was left.
    Spoilt(String),
}

impl<'a> Clusters<'a> {
    pub(crate) fn new(args: &'a Local, id: &'a str, out: &Path, fresh: bool, console: &'a Console) -> Self {
        Self { args, id, logs: out.join("logs"), console, fresh, held: None, started: 0, left: Vec::new() }
    }

    /// The cluster for the next run; the first time the one that is up, or a new one.
    pub(crate) async fn lend(&mut self) -> Result<Cluster, CliError> {
        if let Some(held) = &self.held {
            let ours = held.own.is_some();
            match usable(&held.name).await {
                Ok(Some(cluster)) => return Ok(cluster),
                // It has died since the last run: nobody's fault but its own.
                Ok(None) | Err(_) if ours => self.remove().await,
                Ok(None) => return Err(CliError::NotUp { name: held.name.clone() }),
                Err(error) => return Err(error),
            }
        } else if let Some(cluster) = usable(&self.args.cluster).await? {
            self.console.say(&format!("running on the cluster `{}` that is up", self.args.cluster));
            target::with_flux(&cluster).await?;
            let before = contents(&cluster).await?;
            self.held = Some(Held { name: self.args.cluster.clone(), own: None, before });
            return Ok(cluster);
        }
        self.start().await
    }

    /// A new cluster of our own. What fails once is tried once more: a machine that is busy for a moment is no reason to give up every run
    /// that is still to come.
    async fn start(&mut self) -> Result<Cluster, CliError> {
        let which = match (self.fresh, self.started) {
            (true, _) => "a local cluster for this run",
            (false, 0) => "a local cluster for all runs",
            (false, _) => "a fresh local cluster",
        };
        self.console.say(&format!("starting {which}"));
        match self.try_start().await {
            Err(error) if may_pass(&error) => {
                self.console.error(&format!("{error}; trying once more"));
                self.try_start().await
            }
            outcome => outcome,
        }
    }

    async fn try_start(&mut self) -> Result<Cluster, CliError> {
        self.started += 1;
        let name = format!("run-{}-{}", self.id, self.started);
        let config = target::local_config(self.args, name.clone(), self.console).await?;
        let cluster = local::throwaway(config).await?;
        let looked = async {
            let before = contents(&cluster).await?;
            let lent = usable(&name).await?.ok_or_else(|| CliError::NotUp { name: name.clone() })?;
            Ok((before, lent))
        };
        match looked.await {
            Ok((before, lent)) => {
                self.held = Some(Held { name, own: Some(cluster), before });
                Ok(lent)
            }
            Err(error) => {
                self.take_down(&name, cluster).await;
                Err(error)
            }
        }
    }

    /// Looks at the cluster after a run. `failed`: the run says that the target failed, so it is not used again where it is our own.
    pub(crate) async fn after(&mut self, failed: bool) -> After {
        let Some(held) = &self.held else { return After::Clean };
        if failed && held.own.is_some() {
            self.remove().await;
            return After::Replaced(None);
        }
        let left = settled(held).await;
        if left.is_empty() {
            if self.fresh {
                self.remove().await;
            }
            return After::Clean;
        }
        let said = in_words(&left);
        if held.own.is_none() {
            return After::Spoilt(said);
        }
        self.remove().await;
        After::Replaced(Some(said))
    }

    /// Takes our own cluster down; another one is left as it is. What could not be removed is said.
    pub(crate) async fn end(mut self) -> Vec<String> {
        self.remove().await;
        self.left
    }

    async fn remove(&mut self) {
        if let Some(Held { name, own: Some(cluster), .. }) = self.held.take() {
            self.take_down(&name, cluster).await;
        }
    }

    async fn take_down(&mut self, name: &str, cluster: Cluster) {
        let report = cluster.teardown(Some(&self.logs.join(name))).await;
        self.left.extend(report.left);
    }
}

/// Whether a second try may fare better: something was not there in time, or did not answer.
fn may_pass(error: &CliError) -> bool {
    match error {
        CliError::Cluster(error) => error.is_transient(),
        CliError::Local(error) => error.is_transient(),
        error => matches!(error, CliError::Target { .. }),
    }
}

/// The cluster of that name, if it is up and has not failed.
async fn usable(name: &str) -> Result<Option<Cluster>, CliError> {
    let Some(cluster) = local::attach(&local::default_state_root(), name).await? else { return Ok(None) };
    let status = cluster.status().await?;
    match &status.failure {
        Some(why) if status.phase == Phase::Failed => {
            let reason = format!("the cluster `{name}` has failed: {}: {}", why.component, why.reason);
            Err(CliError::Target { reason: format!("{reason}; take it down with `harness down --cluster {name}`") })
        }
        _ => Ok(Some(cluster)),
    }
}

async fn contents(cluster: &Cluster) -> Result<Contents, CliError> {
    cluster.contents().await.map_err(|error| CliError::Target { reason: error.to_string() })
}

/// What is left once everything had its time to go.
async fn settled(held: &Held) -> Vec<String> {
    let began = Instant::now();
    loop {
        let left = match look(held).await {
            Ok(left) => left,
            Err(error) => vec![error.to_string()],
        };
        if left.is_empty() || began.elapsed() >= SETTLE_LIMIT {
            return left;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn look(held: &Held) -> Result<Vec<String>, CliError> {
    let now = match &held.own {
        Some(cluster) => contents(cluster).await?,
        None => match local::attach(&local::default_state_root(), &held.name).await? {
            Some(cluster) => contents(&cluster).await?,
            None => return Err(CliError::NotUp { name: held.name.clone() }),
        },
    };
    Ok(now.left_since(&held.before))
}

fn in_words(left: &[String]) -> String {
    let mut text = left.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    if left.len() > NAMED {
        text.push_str(&format!(" and {} more", left.len() - NAMED));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_things_are_counted() {
        let left: Vec<String> = (0..10).map(|index| format!("Node n{index}")).collect();
        assert_eq!(in_words(&left[..2]), "Node n0, Node n1");
        assert!(in_words(&left).ends_with("Node n7 and 2 more"));
    }
}
