//! The cluster that most tests share: started when the first of them needs it, replaced after a test that failed.

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::Mutex;

use harness_cluster::{Cluster, local};
use serde_json::Value;

use crate::binary::{self, Ran, Started, harness};
use crate::own;

/// Its name, as `--cluster` takes it.
const NAME: &str = "shared";

/// The shared cluster. It ends with this process, in whatever way that ends.
#[derive(Default)]
pub(crate) struct SharedCluster {
    up: Mutex<Option<Up>>,
}

struct Up {
    state: tempfile::TempDir,
    /// Keeps the cluster up.
    runtime: tokio::runtime::Runtime,
    owner: Cluster,
}

impl SharedCluster {
    /// Takes the cluster down, so that the next test gets a fresh one.
    pub(crate) fn discard(&self) {
        let up = self.up.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(Up { state, runtime, owner }) = up {
            let report = runtime.block_on(owner.teardown(None));
            if !report.left.is_empty() {
                eprintln!("the shared cluster left {:?}", report.left);
            }
            drop(state);
        }
    }

    /// The folder of its state, for `HARNESS_STATE_DIR`; starts the cluster where it is not up.
    pub(crate) fn state(&self) -> PathBuf {
        let mut up = self.up.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let up = up.get_or_insert_with(|| {
            let state = tempfile::tempdir().unwrap();
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            let owner = runtime.block_on(local::throwaway(own::config(NAME, state.path()))).unwrap();
            Up { state, runtime, owner }
        });
        up.state.path().to_owned()
    }

    /// Calls a function with the cluster.
    pub(crate) fn with<T>(&self, work: impl AsyncFnOnce(Cluster) -> T) -> T {
        let state = self.state();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { work(local::attach(&state, NAME).await.unwrap().unwrap()).await })
    }

    /// Runs the binary on the cluster: exit code, stdout, stderr.
    pub(crate) fn command(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = harness()
            .args(arguments)
            .args(["--cluster", NAME])
            .env("HARNESS_STATE_DIR", self.state())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let Output { status, stdout, stderr } = output;
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }

    /// What a command prints as JSON; it must end with that exit code.
    pub(crate) fn data(&self, arguments: &[&str], expected: i32) -> Value {
        let arguments = [arguments, &["--format", "json"]].concat();
        let (code, stdout, stderr) = self.command(&arguments);
        assert_eq!(code, expected, "{arguments:?}\n{stdout}\n{stderr}");
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}\n{stdout}\n{stderr}"))
    }

    /// What `harness status` says of every cluster that is up: this one.
    pub(crate) fn statuses(&self) -> Vec<Value> {
        let mut command = harness();
        let output =
            command.args(["status", "--format", "json"]).env("HARNESS_STATE_DIR", self.state()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs a scenario on the cluster to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.start(arguments).ended()
    }

    /// Starts a run of a scenario on the cluster.
    pub(crate) fn start(&self, arguments: &[&str]) -> Started {
        let state = self.state();
        let mut command = harness();
        command.arg("run").args(arguments).args(["--cluster", NAME]).env("HARNESS_STATE_DIR", state);
        binary::start(command)
    }
}
