//! Control of components that are nothing but names: it records what was requested, and can report a death.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use harness_cluster::local::{ComponentStatus, ComponentUsage, Failure, Phase, ProcessRef, Status};
use harness_cluster::{ComponentControl, ControlError};
use jiff::Timestamp;
use tokio::sync::watch;

/// The components that run from the start.
const RUNNING: [&str; 3] = ["kube-apiserver", "karpenter", "source-controller"];

#[derive(Debug)]
pub(crate) struct Components {
    running: Mutex<BTreeSet<String>>,
    orders: Mutex<Vec<String>>,
    died: watch::Sender<Option<Failure>>,
}

impl Components {
    pub(crate) fn start() -> Arc<Self> {
        Arc::new(Self {
            running: Mutex::new(RUNNING.map(str::to_owned).into()),
            orders: Mutex::default(),
            died: watch::Sender::new(None),
        })
    }

    /// The requests so far, such as `kill karpenter`.
    pub(crate) fn orders(&self) -> Vec<String> {
        self.orders.lock().unwrap().clone()
    }

    pub(crate) fn runs(&self, component: &str) -> bool {
        self.running.lock().unwrap().contains(component)
    }

    /// A component dies without a request.
    pub(crate) fn die(&self, component: &str) {
        self.running.lock().unwrap().remove(component);
        self.died.send_replace(Some(Failure {
            component: component.to_owned(),
            reason: "exit status: 2".to_owned(),
            log_tail: vec!["panic: out of ideas".to_owned()],
            at: Timestamp::UNIX_EPOCH,
        }));
    }

    /// A component is stopped by somebody else.
    pub(crate) fn stop_silently(&self, component: &str) {
        self.running.lock().unwrap().remove(component);
    }

    fn order(&self, verb: &str, component: &str, runs: bool) -> Result<(), ControlError> {
        if !RUNNING.contains(&component) {
            return Err(refused(verb, "there is no component of that name"));
        }
        self.orders.lock().unwrap().push(format!("{verb} {component}"));
        let mut running = self.running.lock().unwrap();
        if runs {
            running.insert(component.to_owned())
        } else {
            running.remove(component)
        };
        Ok(())
    }
}

fn refused(doing: &str, reason: &str) -> ControlError {
    ControlError { by: "the test".to_owned(), doing: doing.to_owned(), reason: reason.to_owned() }
}

/// A process that does not exist: nothing reads it.
const NO_PROCESS: ProcessRef = ProcessRef { pid: 0, start_ticks: 0 };

impl ComponentControl for Components {
    fn status(&self) -> BoxFuture<'_, Result<Status, ControlError>> {
        let running = self.running.lock().unwrap().clone();
        let components = RUNNING.iter().map(|name| ComponentStatus {
            name: (*name).to_owned(),
            process: running.contains(*name).then_some(NO_PROCESS),
            restarts: 0,
            last_exit: (!running.contains(*name)).then(|| "signal: 9 (SIGKILL)".to_owned()),
        });
        let status = Status {
            name: "test".to_owned(),
            phase: Phase::Ready,
            supervisor: NO_PROCESS,
            started_at: Timestamp::UNIX_EPOCH,
            state_dir: PathBuf::new(),
            endpoints: BTreeMap::new(),
            components: components.collect(),
            versions: BTreeMap::new(),
            timings: Vec::new(),
            failure: None,
        };
        Box::pin(async { Ok(status) })
    }

    fn usage(&self) -> BoxFuture<'_, Result<Vec<ComponentUsage>, ControlError>> {
        let usage = ComponentUsage {
            name: "kube-apiserver".to_owned(),
            pid: 0,
            cpu_ms: 1_000,
            rss_bytes: 1 << 20,
            rss_peak_bytes: 2 << 20,
        };
        Box::pin(async { Ok(vec![usage]) })
    }

    fn failed(&self) -> BoxFuture<'_, Failure> {
        let mut died = self.died.subscribe();
        Box::pin(async move {
            match died.wait_for(Option::is_some).await.ok().and_then(|failure| failure.clone()) {
                Some(failure) => failure,
                None => pending().await,
            }
        })
    }

    fn kill<'a>(&'a self, component: &'a str) -> BoxFuture<'a, Result<(), ControlError>> {
        Box::pin(async move { self.order("kill", component, false) })
    }

    fn restart<'a>(&'a self, component: &'a str) -> BoxFuture<'a, Result<(), ControlError>> {
        Box::pin(async move { self.order("restart", component, true) })
    }

    fn stop<'a>(&'a self, component: &'a str) -> BoxFuture<'a, Result<(), ControlError>> {
        Box::pin(async move { self.order("stop", component, false) })
    }

    fn component_ready<'a>(&'a self, component: &'a str) -> BoxFuture<'a, Result<(), ControlError>> {
        Box::pin(async move {
            if self.runs(component) { Ok(()) } else { Err(refused("see the component ready", "it does not run")) }
        })
    }

    fn version_announced<'a>(&'a self, version: &'a str) -> BoxFuture<'a, Result<(), ControlError>> {
        Box::pin(async move {
            self.orders.lock().unwrap().push(format!("version {version}"));
            Ok(())
        })
    }

    fn start_on_demand<'a>(&'a self, component: &'a str) -> BoxFuture<'a, Result<(), ControlError>> {
        Box::pin(async move { self.order("start", component, true) })
    }
}
