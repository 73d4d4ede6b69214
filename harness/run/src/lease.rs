//! Who runs on a cluster: a Lease. Two runs at once are refused, since each would remove what the other one has made, and a run finds out
//! what one before it changed and did not restore, because it was killed or kept.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use harness_cluster::Cluster;
use harness_cluster::flux;
use harness_simulation::Behaviour;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, ObjectMeta, Patch, PatchParams, PostParams};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The Lease is beside Flux's root objects, which every run changes as well.
const NAMESPACE: &str = flux::NAMESPACE;
const NAME: &str = "harness-run";
/// What the holder has changed on the target, as JSON. It outlasts a holder that did not restore it.
const CHANGED: &str = "harness.dev/changed";
/// A holder that has not renewed its Lease for this long is dead. Also the most by which two machines' clocks may differ.
const EXPIRES_AFTER: Duration = Duration::from_secs(60);
const RENEW_EVERY: Duration = Duration::from_secs(10);
/// How long the API server may take for one request about the Lease.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// How often the Lease is taken where somebody else writes it at the same moment.
const TRIES: u32 = 3;

/// A cluster cannot be held.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Another run is on it.
    #[error(
        "another run is on this cluster: {holder}, since {since}, last heard of {quiet_s} s ago; wait until it has ended, stop it, or use \
         another cluster: two runs would remove each other's NodePools"
    )]
    Held {
        /// Which one.
        holder: Holder,
        /// Since when.
        since: Timestamp,
        /// For how long it has not renewed its Lease, in seconds.
        quiet_s: i64,
    },
    /// The run no longer holds it.
    #[error("{why}")]
    Lost {
        /// Who holds it now.
        why: String,
    },
    /// The API server refused a request, or did not answer.
    #[error(
        "cannot read or write the Lease {NAMESPACE}/{NAME} that keeps two runs off one cluster: {source}; it takes the right to get, create, \
         update and patch leases in {NAMESPACE}"
    )]
    Request {
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl LeaseError {
    fn request(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Request { source: source.into() }
    }
}

/// A run's process, by an identity that is unique among all machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    run_id: String,
    host: String,
    /// The boot of the machine and the namespace in which the process id means something.
    machine: String,
    pid: u32,
}

impl Holder {
    fn this_process(run_id: &str) -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().replace('_', "-");
        let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        let namespace: String = namespace.to_string_lossy().chars().filter(char::is_ascii_digit).collect();
        let boot = read("/proc/sys/kernel/random/boot_id");
        Self {
            run_id: run_id.to_owned(),
            host: read("/proc/sys/kernel/hostname"),
            machine: format!("{boot}.{namespace}"),
            pid: std::process::id(),
        }
    }

    fn identity(&self) -> String {
        let Self { run_id, host, machine, pid } = self;
        format!("{run_id}_{host}_{machine}_{pid}")
    }
}

impl FromStr for Holder {
    type Err = ();

    fn from_str(identity: &str) -> Result<Self, ()> {
        let parts: Vec<&str> = identity.split('_').collect();
        let [run_id, host, machine, pid] = parts.as_slice() else { return Err(()) };
        let [run_id, host, machine] = [run_id, host, machine].map(|part| (*part).to_owned());
        Ok(Self { run_id, host, machine, pid: pid.parse().map_err(|_| ())? })
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "run {} (process {} on {})", self.run_id, self.pid, self.host)
    }
}

/// What a run changes on a target that stays, as it was before. The next run restores it where this one does not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Changed {
    pub(crate) run_id: String,
    /// The simulated Azure's behaviour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) behaviour: Option<Behaviour>,
    /// The commit that Flux applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) commit: Option<String>,
    /// Flux's intervals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_interval: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) root_interval: Option<String>,
}

/// The state of the Lease, as another run finds it.
#[derive(Clone, Debug, PartialEq)]
enum Occupancy {
    Free,
    /// Its holder has ended without a release.
    Abandoned(String),
    Held(Holder, Timestamp, SignedDuration),
}

/// Whether a run holds the Lease. `is_running` tells whether a process of this machine exists.
fn occupancy(spec: &LeaseSpec, me: &Holder, now: Timestamp, is_running: impl FnOnce(u32) -> bool) -> Occupancy {
    let Some(identity) = spec.holder_identity.as_ref().filter(|identity| !identity.is_empty()) else {
        return Occupancy::Free;
    };
    let Ok(holder) = identity.parse::<Holder>() else { return Occupancy::Abandoned(identity.clone()) };
    let stamp = |time: &Option<MicroTime>| time.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0);
    let quiet = now.duration_since(stamp(&spec.renew_time));
    let is_dead = holder.machine == me.machine && !is_running(holder.pid);
    match is_dead || quiet > SignedDuration::from_secs(EXPIRES_AFTER.as_secs().cast_signed()) {
        true => Occupancy::Abandoned(holder.to_string()),
        false => Occupancy::Held(holder, stamp(&spec.acquire_time), quiet),
    }
}

fn is_running(pid: u32) -> bool {
    std::path::Path::new(&format!("/proc/{pid}")).exists()
}

/// How a run has lost its Lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Another run holds it: the cluster is that one's.
    Taken(String),
    /// Nobody holds it: it was deleted, or the run that had taken it has ended.
    Vacant,
}

impl Loss {
    /// What the Lease says instead of this run's own identity; `None` where it has that.
    fn of(lease: Option<&Lease>, me: &Holder) -> Option<Self> {
        let identity = lease.and_then(|lease| lease.spec.as_ref()?.holder_identity.as_deref()).unwrap_or_default();
        if identity == me.identity() {
            return None;
        }
        Some(match (identity, identity.parse::<Holder>()) {
            ("", _) => Self::Vacant,
            (_, Ok(holder)) => Self::Taken(holder.to_string()),
            (other, Err(())) => Self::Taken(other.to_owned()),
        })
    }

    fn taken_by(self) -> Option<String> {
        match self {
            Self::Taken(by) => Some(by),
            Self::Vacant => None,
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken(by) => write!(f, "another run has taken the cluster over: {by}"),
            Self::Vacant => write!(
                f,
                "the run no longer holds the Lease {NAMESPACE}/{NAME}, and nobody does: it was deleted, or a run that had taken the cluster over \
                 has ended"
            ),
        }
    }
}

/// The Lease of a run. It is renewed until the value is dropped.
#[derive(Debug)]
pub struct RunLease {
    leases: Api<Lease>,
    holder: Holder,
    renewing: JoinHandle<()>,
    lost: watch::Receiver<Option<Loss>>,
    /// The holder that was found dead.
    pub(crate) taken_over_from: Option<String>,
    /// What an earlier run changed and did not restore.
    pub(crate) unrestored: Option<Changed>,
}

impl Drop for RunLease {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

impl RunLease {
    /// Takes the Lease of a cluster for a run, from a dead holder too.
    ///
    /// # Errors
    /// [`LeaseError`]: another run holds it, or the API server does not give it.
    pub async fn take(cluster: &Cluster, run_id: &str) -> Result<Self, LeaseError> {
        let leases: Api<Lease> = Api::namespaced(cluster.client(), NAMESPACE);
        let holder = Holder::this_process(run_id);
        let mut tried = 1;
        let (taken_over_from, unrestored) = loop {
            match take(&leases, &holder).await {
                // Somebody else wrote it in between: who that was decides.
                Err(LeaseError::Request { source }) if is_conflict(source.as_ref()) && tried < TRIES => tried += 1,
                taken => break taken?,
            }
        };
        let (sender, lost) = watch::channel(None);
        let renewing = tokio::spawn(renew(leases.clone(), holder.clone(), sender));
        Ok(Self { leases, holder, renewing, lost, taken_over_from, unrestored })
    }

    /// The run that is on a cluster now.
    ///
    /// # Errors
    /// [`LeaseError::Request`].
    pub async fn holder_on(cluster: &Cluster) -> Result<Option<Holder>, LeaseError> {
        let leases: Api<Lease> = Api::namespaced(cluster.client(), NAMESPACE);
        let spec = answered(leases.get_opt(NAME)).await?.and_then(|lease| lease.spec).unwrap_or_default();
        // Of this process only the machine matters: whether a process id means something.
        match occupancy(&spec, &Holder::this_process(""), Timestamp::now(), is_running) {
            Occupancy::Held(holder, ..) => Ok(Some(holder)),
            Occupancy::Free | Occupancy::Abandoned(_) => Ok(None),
        }
    }

    /// Ends when the run no longer holds the Lease.
    pub(crate) async fn lost(&self) -> Loss {
        self.lost_as(|loss| Some(loss.clone())).await
    }

    /// Ends when another run holds the Lease, and says which one.
    pub(crate) async fn taken(&self) -> String {
        self.lost_as(|loss| loss.clone().taken_by()).await
    }

    async fn lost_as<T>(&self, read: impl Fn(&Loss) -> Option<T>) -> T {
        let mut lost = self.lost.clone();
        let read = |lost: &Option<Loss>| lost.as_ref().and_then(&read);
        let found = lost.wait_for(|lost| read(lost).is_some()).await.ok().and_then(|lost| read(&lost));
        match found {
            Some(found) => found,
            None => std::future::pending().await,
        }
    }

    /// Asks which other run holds the Lease by now: a process that was stopped for a while does not know. `None` also where the API server
    /// does not answer: the run itself may have stopped it, and its cleanup starts it again.
    pub(crate) async fn taken_by(&self) -> Option<String> {
        let found = answered(self.leases.get_opt(NAME)).await.ok()?;
        Loss::of(found.as_ref(), &self.holder)?.taken_by()
    }

    /// Notes what the run is about to change. Before it does: it may be killed.
    pub(crate) async fn note(&self, mut changed: Changed) -> Result<(), LeaseError> {
        changed.run_id.clone_from(&self.holder.run_id);
        let text = serde_json::to_string(&changed).map_err(LeaseError::request)?;
        let noted = json!({"metadata": {"annotations": {CHANGED: text}}});
        match write(&self.leases, &self.holder, noted).await? {
            None => Ok(()),
            Some(loss) => Err(LeaseError::Lost { why: loss.to_string() }),
        }
    }

    /// Gives the Lease back, unless another run has taken it. What is noted to be restored stays noted unless `is_restored`.
    pub(crate) async fn release(self, is_restored: bool) -> Result<(), LeaseError> {
        self.renewing.abort();
        let annotations = if is_restored { json!({CHANGED: Value::Null}) } else { json!({}) };
        let spec = json!({"holderIdentity": Value::Null, "renewTime": Value::Null, "acquireTime": Value::Null});
        let given_back = json!({"metadata": {"annotations": annotations}, "spec": spec});
        write(&self.leases, &self.holder, given_back).await.map(drop)
    }
}

fn is_conflict(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(error.downcast_ref::<kube::Error>(), Some(kube::Error::Api(status)) if status.code == 409)
}

async fn answered<T>(request: impl Future<Output = Result<T, kube::Error>>) -> Result<T, LeaseError> {
    match tokio::time::timeout(ANSWER_LIMIT, request).await {
        Ok(answer) => answer.map_err(LeaseError::request),
        Err(_) => Err(LeaseError::request(format!("no answer within {} s", ANSWER_LIMIT.as_secs()))),
    }
}

/// Changes the Lease as long as it is this run's; another one's stays as it is.
async fn write(leases: &Api<Lease>, me: &Holder, mut change: Value) -> Result<Option<Loss>, LeaseError> {
    let mut tried = 1;
    loop {
        let found = answered(leases.get_opt(NAME)).await?;
        if let Some(loss) = Loss::of(found.as_ref(), me) {
            return Ok(Some(loss));
        }
        // Refused if somebody has written it since.
        change["metadata"]["resourceVersion"] = json!(found.and_then(|lease| lease.metadata.resource_version));
        match answered(leases.patch(NAME, &PatchParams::default(), &Patch::Merge(&change))).await {
            Err(LeaseError::Request { source }) if is_conflict(source.as_ref()) && tried < TRIES => tried += 1,
            written => return written.map(|_| None),
        }
    }
}

/// Takes the Lease, once. Returns the dead holder, and what was not restored.
async fn take(leases: &Api<Lease>, me: &Holder) -> Result<(Option<String>, Option<Changed>), LeaseError> {
    let now = Timestamp::now();
    let Some(mut lease) = answered(leases.get_opt(NAME)).await? else {
        let metadata = ObjectMeta { name: Some(NAME.to_owned()), ..ObjectMeta::default() };
        let lease = Lease { metadata, spec: Some(spec_of(me, now, 0)) };
        answered(leases.create(&PostParams::default(), &lease)).await?;
        return Ok((None, None));
    };
    let spec = lease.spec.take().unwrap_or_default();
    let taken_over_from = match occupancy(&spec, me, now, is_running) {
        Occupancy::Free => None,
        Occupancy::Abandoned(holder) => Some(holder),
        Occupancy::Held(holder, since, quiet) => {
            return Err(LeaseError::Held { holder, since, quiet_s: quiet.as_secs().max(0) });
        }
    };
    let noted = lease.metadata.annotations.as_ref().and_then(|all: &BTreeMap<String, String>| all.get(CHANGED));
    // A note that this version cannot read still says that something was changed.
    let unrestored = noted.map(|text| serde_json::from_str(text).unwrap_or_default());
    let transitions = spec.lease_transitions.unwrap_or_default().saturating_add(1);
    lease.spec = Some(spec_of(me, now, transitions));
    // With the version that was read, so that of two runs only one takes it.
    answered(leases.replace(NAME, &PostParams::default(), &lease)).await?;
    Ok((taken_over_from, unrestored))
}

fn spec_of(me: &Holder, now: Timestamp, transitions: i32) -> LeaseSpec {
    LeaseSpec {
        holder_identity: Some(me.identity()),
        lease_duration_seconds: i32::try_from(EXPIRES_AFTER.as_secs()).ok(),
        acquire_time: Some(MicroTime(now)),
        renew_time: Some(MicroTime(now)),
        lease_transitions: Some(transitions),
        ..LeaseSpec::default()
    }
}

/// Renews the Lease until another run has it. A server that does not answer may have been stopped by the run itself.
async fn renew(leases: Api<Lease>, me: Holder, lost: watch::Sender<Option<Loss>>) {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        match write(&leases, &me, json!({"spec": {"renewTime": MicroTime(Timestamp::now())}})).await {
            Ok(None) => {}
            Ok(Some(loss)) => {
                let is_taken = matches!(loss, Loss::Taken(_));
                lost.send_replace(Some(loss));
                if is_taken {
                    return;
                }
            }
            Err(error) => tracing::debug!("{error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn holder(run_id: &str, machine: &str, pid: u32) -> Holder {
        Holder { run_id: run_id.to_owned(), host: "ci-7".to_owned(), machine: machine.to_owned(), pid }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn a_holder_is_read_as_it_was_written() {
        let me = Holder::this_process("20261129-154143-4f2a");
        assert_eq!(me.identity().parse(), Ok(me.clone()));
        assert!(is_running(me.pid));
        assert_eq!("somebody else's".parse::<Holder>(), Err(()));
    }

    #[rstest]
    #[case::renewed_just_now("here", true, 5, true)]
    #[case::killed_on_this_machine("here", false, 5, false)]
    // Its process id means nothing here.
    #[case::running_elsewhere("there", false, 5, true)]
    #[case::quiet_for_less_than_the_limit("there", false, 60, true)]
    #[case::dead_elsewhere("there", false, 61, false)]
    #[case::stopped_on_this_machine("here", true, 61, false)]
    fn only_a_holder_that_lives_keeps_others_off(
        #[case] machine: &str,
        #[case] runs: bool,
        #[case] quiet_s: i64,
        #[case] held: bool,
    ) {
        let (me, other) = (holder("mine", "here", 1), holder("other", machine, 2));
        let spec = LeaseSpec { renew_time: Some(MicroTime(at(10))), ..spec_of(&other, at(0), 0) };
        let found = occupancy(&spec, &me, at(10 + quiet_s), |_| runs);
        let expected = match held {
            true => Occupancy::Held(other, at(0), SignedDuration::from_secs(quiet_s)),
            false => Occupancy::Abandoned(other.to_string()),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_lease_that_was_given_back_is_free() {
        let spec = LeaseSpec { holder_identity: None, ..spec_of(&holder("other", "there", 2), at(0), 3) };
        assert_eq!(occupancy(&spec, &holder("mine", "here", 1), at(1), |_| true), Occupancy::Free);
    }

    #[test]
    fn a_refusal_says_who_since_when_and_what_to_do() {
        let error = LeaseError::Held { holder: holder("other", "there", 2), since: at(0), quiet_s: 4 };
        let text = error.to_string();
        for part in ["run other (process 2 on ci-7)", "since 2027-01-15T08:00:00Z", "4 s ago", "another cluster"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
