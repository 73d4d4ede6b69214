//! A cluster with its parts, and the leaks of a run on it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::future::Future;
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use harness_azure::control::{Client as AzureClient, VmState};
use harness_azure::{Config, InProcess};
use harness_cluster::git::GitRemote;
use harness_cluster::{Cluster, Contents, ControlPlane, GitOps, Parts, Provisioner};
use harness_plan::Plan;
use harness_record::event::{ActionStamps, EndReason, PhaseOutcome};
use harness_record::log::read_log;
use harness_record::result::RunResult;
use harness_record::{Event, EventKind, Timelines};
use harness_run::{Interrupts, Options, RunError, RunLease, Tree, execute, labels};
use harness_simulation::{Behaviour, Simulated};
use harness_tree::SourceFile;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::actors::Actors;
use crate::api::ApiServer;
use crate::components::Components;
use crate::git::{Files, GitBranch};

/// One pool and its class.
const POOL: &str = "apiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata:\n  name: web\nspec:\n  weight: 1\n  template:\n    spec:\n      nodeClassRef:\n        group: karpenter.azure.com\n        kind: AKSNodeClass\n        name: web\n";
const CLASS: &str = "apiVersion: karpenter.azure.com/v1beta1\nkind: AKSNodeClass\nmetadata:\n  name: web\nspec:\n  imageFamily: Ubuntu2204\n";

/// Runs a test on paused time: for those that need many runtimes, one after another.
pub(crate) fn on_paused_time<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.unwrap().block_on(test)
}

pub(crate) struct Lab {
    pub(crate) api: ApiServer,
    pub(crate) control: AzureClient,
    /// The simulated Azure, as the controller reaches it.
    pub(crate) azure: Arc<InProcess>,
    pub(crate) git: GitBranch,
    pub(crate) components: Arc<Components>,
    pub(crate) interrupt: CancellationToken,
    pub(crate) abandon: CancellationToken,
    pub(crate) leave: CancellationToken,
    /// The tree under test: names and contents of its files.
    pub(crate) tree: Vec<(&'static str, &'static str)>,
    /// Whether the cluster is kept at the end.
    pub(crate) keep: bool,
    /// Whether each run takes the cluster's Lease.
    pub(crate) held: bool,
    folder: TempDir,
    runs: AtomicU32,
    _actors: Actors,
}

impl Lab {
    pub(crate) fn start() -> Self {
        let api = ApiServer::start();
        let git = GitBranch::default();
        git.commit(Files::from([("README.md".to_owned(), "Empty.\n".to_owned())]), "start");
        let config = Config { behaviour: Behaviour { seed: 1, ..Behaviour::default() }, ..Config::default() };
        let azure = Arc::new(InProcess::start(config, Some(api.client())).unwrap());
        Self {
            control: azure.control().unwrap(),
            _actors: Actors::start(&api, &azure, &git),
            azure,
            api,
            git,
            components: Components::start(),
            interrupt: CancellationToken::new(),
            abandon: CancellationToken::new(),
            leave: CancellationToken::new(),
            tree: vec![("web.yaml", POOL), ("class.yaml", CLASS)],
            keep: false,
            held: false,
            folder: tempfile::tempdir().unwrap(),
            runs: AtomicU32::new(0),
        }
    }

    pub(crate) fn cluster(&self) -> Cluster {
        Cluster::new(Parts {
            name: "test".to_owned(),
            target: "in-process",
            control_plane: ControlPlane::in_process(self.api.service()),
            gitops: GitOps::Existing { git: GitRemote::in_process(Arc::new(self.git.clone())) },
            provisioner: Provisioner::SimulatedAzure(self.control.clone()),
            components: Some(self.components.clone()),
            metrics: None,
            simulated: BTreeSet::from([Simulated::Azure, Simulated::Kubelets]),
            versions: vec![("kubernetes".to_owned(), "v1.36.3".to_owned())],
            local: None,
        })
    }

    /// The requests to end, for the next run.
    pub(crate) fn interrupts(&self) -> Interrupts {
        let [interrupt, abandon, leave] = [&self.interrupt, &self.abandon, &self.leave].map(Clone::clone);
        Interrupts { interrupt, abandon, leave }
    }

    /// The folder of the next run.
    pub(crate) fn next_out(&self) -> PathBuf {
        self.folder.path().join(format!("run-{}", self.runs.load(Ordering::Relaxed) + 1))
    }

    /// Carries out a plan.
    pub(crate) async fn run(&self, plan: &Plan) -> Ran {
        self.run_with(plan, |_| {}).await
    }

    /// Carries out a plan and calls a function with each event.
    pub(crate) async fn run_with(&self, plan: &Plan, on_event: impl FnMut(&Event) + Send + 'static) -> Ran {
        let out = self.next_out();
        let run_id = format!("r{}", self.runs.fetch_add(1, Ordering::Relaxed) + 1);
        let tree = out.join("tree");
        fs::create_dir_all(&tree).unwrap();
        let files = self.tree.iter().map(|(path, text)| {
            fs::write(tree.join(path), text).unwrap();
            SourceFile::new(*path, *text)
        });
        let files = files.collect();
        let lease = if self.held { Some(RunLease::take(&self.cluster(), &run_id).await.unwrap()) } else { None };
        let (known_state, mut known) = oneshot::channel();
        let options = Options {
            run_id: run_id.clone(),
            out: out.clone(),
            tree: Tree { folder: tree, files },
            command: "harness run burst".to_owned(),
            keep: self.keep,
            throwaway: false,
            on_event: Box::new(on_event),
            interrupts: self.interrupts(),
            lease,
            known_state: Some(known_state),
        };
        let returned = execute(plan, self.cluster(), options).await;
        let log = File::open(out.join("events.jsonl")).ok();
        let events = log.map_or(Vec::new(), |log| {
            let reader = read_log(BufReader::new(log)).unwrap();
            reader.map(Result::unwrap).collect()
        });
        Ran { run_id, plan: plan.clone(), events, returned, known_state: known.try_recv().ok() }
    }

    /// What the run has leaked on the cluster and in Azure, and what it has not restored.
    pub(crate) async fn leaks_of(&self, ran: &Ran) -> Vec<String> {
        let namespace = labels::namespace(&ran.run_id);
        let mut leaks: Vec<String> = self.api.with(|store| {
            let of_run = |(kind, place, name): &(&str, String, String), object: &Value| {
                object["metadata"]["labels"][labels::RUN] == *ran.run_id
                    || *place == namespace
                    || (*kind == "Namespace" && *name == namespace)
                    || matches!(*kind, "Node" | "NodeClaim" | "NodePool" | "AKSNodeClass" | "Pod")
            };
            store.all().filter(|(id, it)| of_run(id, it)).map(|(id, _)| format!("{} {}/{}", id.0, id.1, id.2)).collect()
        });
        let vms = self.control.vms().await.unwrap();
        leaks.extend(vms.iter().filter(|vm| vm.state != VmState::Deleted).map(|vm| format!("VM {}", vm.vm.name)));
        let root = self.api.get("Kustomization", "flux-system", "node-config").unwrap();
        if root["spec"]["commonMetadata"].is_object()
            || root["spec"]["healthChecks"].as_array().is_some_and(|it| !it.is_empty())
        {
            leaks.push(format!("the Kustomization's {}", root["spec"]));
        }
        let behaviour = self.control.behaviour().await.unwrap();
        if behaviour.seed != 1 {
            leaks.push(format!("Azure's behaviour of the seed {}", behaviour.seed));
        }
        if self.git.head_now().unwrap().files.contains_key("web.yaml") {
            leaks.push("the tree under test in the repository".to_owned());
        }
        leaks
    }
}

/// A run that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) run_id: String,
    pub(crate) plan: Plan,
    pub(crate) events: Vec<Event>,
    pub(crate) returned: Result<(), RunError>,
    /// What was on the cluster before the run changed anything, if it came so far.
    pub(crate) known_state: Option<Contents>,
}

impl Ran {
    /// The planned action of this id.
    pub(crate) fn action(&self, id: u32) -> &ActionStamps {
        let mut actions = self.events.iter().filter_map(|event| match &event.kind {
            EventKind::Action(action) if action.what.id() == Some(id) => Some(action),
            _ => None,
        });
        actions.next().unwrap()
    }

    /// The phases in the order in which they started, with their outcomes; `None` for one that did not end.
    pub(crate) fn phases(&self) -> Vec<(String, Option<PhaseOutcome>)> {
        let mut phases: Vec<(String, Option<PhaseOutcome>)> = Vec::new();
        for event in &self.events {
            match &event.kind {
                EventKind::PhaseBegan { phase } => phases.push((phase.clone(), None)),
                EventKind::PhaseEnded { phase, outcome, .. } => {
                    let open = phases.iter_mut().find(|(name, ended)| name == phase && ended.is_none());
                    open.unwrap_or_else(|| panic!("{phase} ended without a start")).1 = Some(*outcome);
                }
                _ => {}
            }
        }
        phases
    }

    /// Start and end of a phase in microseconds, its outcome and its detail.
    pub(crate) fn phase(&self, name: &str) -> (u64, u64, PhaseOutcome, &str) {
        let began = self.events.iter().find_map(|event| match &event.kind {
            EventKind::PhaseBegan { phase } if phase == name => Some(event.at_us),
            _ => None,
        });
        let ended = self.events.iter().find_map(|event| match &event.kind {
            EventKind::PhaseEnded { phase, outcome, detail } if phase == name => Some((event.at_us, *outcome, detail)),
            _ => None,
        });
        let (ended_us, outcome, detail) = ended.unwrap_or_else(|| panic!("{name} did not end: {:?}", self.phases()));
        (began.unwrap(), ended_us, outcome, detail)
    }

    /// How it ended, by the last line of the log.
    pub(crate) fn ended(&self) -> (EndReason, &str) {
        match self.events.last().map(|event| &event.kind) {
            Some(EventKind::RunEnded { reason, detail }) => (*reason, detail),
            last => panic!("the log ends with {last:?}"),
        }
    }

    /// The leaks in the log.
    pub(crate) fn leaks(&self) -> Vec<String> {
        let leaks = self.events.iter().filter_map(|event| match &event.kind {
            EventKind::Leak { kind, name } => Some(format!("{kind} {name}")),
            _ => None,
        });
        leaks.collect()
    }

    pub(crate) fn result(&self) -> RunResult {
        let mut timelines = Timelines::of_plan(&self.plan);
        self.events.iter().for_each(|event| timelines.apply(event));
        RunResult::from_timelines(&self.plan, &timelines, None)
    }

    /// A log is well formed whatever has happened: the header first, the end last, and each phase ended before the next one starts.
    pub(crate) fn assert_well_formed(&self) {
        self.returned.as_ref().unwrap();
        assert!(matches!(self.events[0].kind, EventKind::RunStarted(_)), "first: {:?}", self.events[0]);
        self.ended();
        let ends = self.events.iter().filter(|event| matches!(event.kind, EventKind::RunEnded { .. })).count();
        assert_eq!(ends, 1);
        let mut open: Option<&String> = None;
        for event in &self.events {
            match &event.kind {
                EventKind::PhaseBegan { phase } => assert_eq!(open.replace(phase), None, "before {phase}"),
                EventKind::PhaseEnded { phase, .. } => assert_eq!(open.take(), Some(phase)),
                _ => {}
            }
        }
        assert_eq!(open, None, "a phase did not end");
    }
}
