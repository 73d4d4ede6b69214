//! Starts the watches and interprets what they enqueue.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use harness_cluster::Cluster;
use harness_plan::{Capability, NamedObject, Plan};
use k8s_openapi::api::core::v1::Event as KubeEvent;
use kube::api::{Api, ApiResource};
use kube::runtime::watcher;
use kube::{Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::automation::{Automations, ImageUpdateAutomation};
use super::azure;
use super::flux::{GitRepository, Kustomization};
use super::karpenter::{Node, NodeClaim, NodePool};
use super::milestones::{MilestoneTracker, Observed};
use super::objects::Fields;
use super::reasons::{EXPLAINING, Reasons};
use super::watch::{QUEUE, Stamped, Trouble, watch};
use super::workloads::{Pod, ingest_autoscaler};
use crate::drive::Context;
use crate::hub::Hub;
use crate::objects::{Place, resource};
use crate::{RunError, labels, scope};

/// How long the first lists may take.
const FIRST_LIST_LIMIT: Duration = Duration::from_secs(30);

/// Observations of one object that may wait for the interpreter.
const OBJECT_QUEUE: usize = 1_024;

/// The most reasons that are watched though they are not warnings: each needs a watch of its own.
const NAMED_REASONS_MAX: usize = 16;

/// The running watches. Dropping it ends them.
pub(crate) struct Observers {
    tasks: Vec<JoinHandle<()>>,
    /// `None` on a target without the simulated Azure.
    azure: Option<AzureReader>,
}

/// The task that follows Azure's facts, and what makes it end with the ledger.
struct AzureReader {
    close: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Drop for Observers {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        if let Some(azure) = &self.azure {
            azure.task.abort();
        }
    }
}

/// Watches that are being started. Dropping it ends those that run already: each holds the hub, and the log ends only when the last hub is
/// dropped.
struct Starting<'a> {
    cluster: &'a Cluster,
    hub: &'a Hub,
    observers: Observers,
    listed: Vec<FirstList>,
}

/// The first list of a watch, which may be still to come.
struct FirstList {
    watch: &'static str,
    came: oneshot::Receiver<()>,
    trouble: Trouble,
}

impl FirstList {
    /// Why it has not come by then, in words; `None` where it has.
    async fn missing(self, until: Instant) -> Option<String> {
        let Self { watch, came, trouble } = self;
        match tokio::time::timeout_at(until, came).await {
            Ok(Ok(())) => None,
            _ => Some(format!("{watch}: {}", trouble.last().unwrap_or_else(|| "no answer".to_owned()))),
        }
    }
}

impl Observers {
    /// Starts every watch and returns when each has its first list: later changes are seen live. `objects` are those that the scenario names.
    pub(crate) async fn start(
        plan: &Plan,
        objects: &[(NamedObject, Place)],
        context: &Context,
    ) -> Result<Self, RunError> {
        let Context { cluster, hub, run_id, .. } = context;
        let mut starting =
            Starting { cluster, hub, observers: Self { tasks: Vec::new(), azure: None }, listed: Vec::new() };
        let everything = watcher::Config::default;
        let nodepools = Vec::from_iter(scope::nodepools(plan)).join(",");
        let of_pools = everything().labels(&format!("karpenter.sh/nodepool in ({nodepools})"));
        let of_run = everything().labels(&labels::selector(run_id));
        starting.objects::<Pod>("pods", &resource("", "v1", "Pod"), of_run.clone())?;
        starting.objects::<NodeClaim>("nodeclaims", &resource("karpenter.sh", "v1", "NodeClaim"), of_pools.clone())?;
        starting.objects::<Node>("nodes", &resource("", "v1", "Node"), of_pools)?;
        starting.objects::<NodePool>("nodepools", &resource("karpenter.sh", "v1", "NodePool"), everything())?;
        // All of them: the tree may hold further Kustomizations, each for a part of it.
        let repository = ApiResource {
            plural: "gitrepositories".to_owned(),
            ..resource("source.toolkit.fluxcd.io", "v1", "GitRepository")
        };
        starting.objects::<GitRepository>("gitrepositories", &repository, everything())?;
        let kustomization = resource("kustomize.toolkit.fluxcd.io", "v1", "Kustomization");
        starting.objects::<Kustomization>("kustomizations", &kustomization, everything())?;
        if plan.needs.contains(&Capability::ImageAutomation) {
            let resource = resource("image.toolkit.fluxcd.io", "v1", "ImageUpdateAutomation");
            let hub = hub.clone();
            let mut automations = Automations::default();
            let ingest = move |stamped: &Stamped<ImageUpdateAutomation>| automations.ingest(stamped, &hub);
            starting.watch(
                "imageupdateautomations",
                |client| Api::all_with(client, &resource),
                everything(),
                QUEUE,
                ingest,
            )?;
        }
        starting.reasons(&scope::reasons(plan), context)?;
        if plan.workloads.iter().any(|workload| workload.autoscale.is_some()) {
            let hub = hub.clone();
            let ingest = move |stamped: &_| ingest_autoscaler(stamped, &hub);
            starting.watch("horizontalpodautoscalers", Api::all, of_run, QUEUE, ingest)?;
        }
        for (object, place) in objects {
            starting.named(object, place)?;
        }
        if let Some(others) = context.others().filter(|others| others.has_claims()) {
            starting.claims_of_others(&others.claims_selector())?;
        }
        let opening = context.others().and_then(|others| others.opening);
        if let (Some(azure), Some(opening)) = (cluster.azure(), opening) {
            let (close, closing) = oneshot::channel();
            let task = tokio::spawn(azure::follow(azure, opening, context.clone(), closing));
            starting.observers.azure = Some(AzureReader { close: Some(close), task });
        }
        let Starting { observers, listed, .. } = starting;
        let until = Instant::now() + FIRST_LIST_LIMIT;
        let missing = join_all(listed.into_iter().map(|list| list.missing(until))).await;
        let missing: BTreeSet<String> = missing.into_iter().flatten().collect();
        if missing.is_empty() {
            return Ok(observers);
        }
        Err(RunError::Deadline {
            what: "the first list of every watch".to_owned(),
            limit_s: FIRST_LIST_LIMIT.as_secs(),
            last: Vec::from_iter(missing).join("; "),
        })
    }

    /// Records the simulated Azure's ledger. Its facts are not followed any further.
    pub(crate) async fn record_ledger(&mut self) {
        let Some(AzureReader { close, task }) = &mut self.azure else { return };
        if let Some(close) = close.take()
            && close.send(()).is_ok()
        {
            // A reader that panicked has recorded no ledger, which the report says.
            let _ended = task.await;
        }
    }
}

impl Starting<'_> {
    fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.observers.tasks.push(tokio::spawn(task));
    }

    /// Watches the milestones of a kind, in every namespace.
    fn objects<K>(
        &mut self,
        name: &'static str,
        resource: &ApiResource,
        config: watcher::Config,
    ) -> Result<(), RunError>
    where
        K: Observed + Resource<DynamicType = ApiResource> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    {
        let mut tracker = MilestoneTracker::default();
        let hub = self.hub.clone();
        let ingest = move |stamped: &Stamped<K>| tracker.ingest(stamped, &hub);
        self.watch(name, |client| Api::all_with(client, resource), config, QUEUE, ingest)
    }

    /// Watches the NodeClaims that are not the run's: why they are deleted explains what is not there any more at the end.
    fn claims_of_others(&mut self, selector: &str) -> Result<(), RunError> {
        let mut tracker = MilestoneTracker::of_others();
        let hub = self.hub.clone();
        let ingest = move |stamped: &Stamped<NodeClaim>| tracker.ingest(stamped, &hub);
        let (kind, config) = (resource("karpenter.sh", "v1", "NodeClaim"), watcher::Config::default().labels(selector));
        self.watch("nodeclaims of others", |client| Api::all_with(client, &kind), config, QUEUE, ingest)
    }

    /// Watches one object.
    fn named(&mut self, object: &NamedObject, place: &Place) -> Result<(), RunError> {
        let config = watcher::Config::default().fields(&format!("metadata.name={}", place.name));
        let mut fields = Fields::new(object.clone());
        let hub = self.hub.clone();
        let ingest = move |stamped: &_| fields.ingest(stamped, &hub);
        self.watch("objects", |client| place.api(client), config, OBJECT_QUEUE, ingest)
    }

    /// Watches warnings and the reasons that the plan names: a burst has as many Normal events as pods, and they explain nothing.
    fn reasons(&mut self, named: &BTreeSet<String>, context: &Context) -> Result<(), RunError> {
        let reasons = Arc::new(Mutex::new(Reasons::new(named.clone())));
        let explaining = EXPLAINING.iter().copied().filter(|reason| !named.contains(*reason));
        let normal = named.iter().take(NAMED_REASONS_MAX).map(String::as_str).chain(explaining);
        let normal = normal.map(|reason| format!("type=Normal,reason={reason}"));
        for fields in std::iter::once("type!=Normal".to_owned()).chain(normal) {
            let (reasons, context) = (reasons.clone(), context.clone());
            let is_others = move |event: &KubeEvent| {
                context.others().is_some_and(|others| others.are_meant_by(&event.involved_object))
            };
            let hub = self.hub.clone();
            let ingest = move |stamped: &Stamped<KubeEvent>| match &stamped.event {
                watcher::Event::Apply(event) if is_others(event) => false,
                _ => reasons.lock().unwrap_or_else(PoisonError::into_inner).ingest(stamped, &hub),
            };
            self.watch("events", Api::all, watcher::Config::default().fields(&fields), QUEUE, ingest)?;
        }
        Ok(())
    }

    /// Starts a watch and the task that interprets what it enqueues. `ingest` returns true when a list is complete.
    fn watch<K>(
        &mut self,
        name: &'static str,
        api: impl FnOnce(Client) -> Api<K>,
        config: watcher::Config,
        queue: usize,
        mut ingest: impl FnMut(&Stamped<K>) -> bool + Send + 'static,
    ) -> Result<(), RunError>
    where
        K: Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    {
        let client = self.cluster.watch_client();
        let (client, socket) = client.map_err(RunError::failed(format!("open the watch of {name}")))?;
        let (queue, mut observations) = mpsc::channel(queue);
        let trouble = Trouble::default();
        self.spawn(watch(name, api(client), config, socket, queue, trouble.clone(), self.hub.clone()));
        let (listed, came) = oneshot::channel();
        let mut listed = Some(listed);
        self.listed.push(FirstList { watch: name, came, trouble });
        self.spawn(async move {
            while let Some(stamped) = observations.recv().await {
                if ingest(&stamped)
                    && let Some(listed) = listed.take()
                {
                    // The receiver is gone when the start was given up.
                    let _ = listed.send(());
                }
            }
        });
        Ok(())
    }
}
