//! What can go wrong while a local cluster is made, used or taken down.

use std::path::PathBuf;

use super::config::PROVISION_MODES;

/// A failed step on the local target. Messages say what was being done, to what, and what to do next;
/// none carries a key, a token or a kubeconfig.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The cluster's name cannot be used as a folder and an Azure resource name.
    #[error(
        "cluster name {name:?} is not usable: use 1 to 40 of a-z, 0-9 and '-', starting and ending with a letter or digit"
    )]
    Name {
        /// The refused name.
        name: String,
    },
    /// A cluster of that name already runs.
    #[error("cluster {name:?} is already up (supervisor process {pid}): use it, or stop it with `harness down`")]
    AlreadyUp {
        /// The cluster's name.
        name: String,
        /// Its supervisor.
        pid: u32,
    },
    /// A component's executable, or the folder of CRDs, is missing.
    #[error("{} is missing: build the components with `harness components build`, or point --bin-dir at a folder that has it", path.display())]
    MissingComponent {
        /// What was looked for.
        path: PathBuf,
    },
    /// A file or folder of the cluster's state could not be used.
    #[error("cannot {doing} {}: {source}", path.display())]
    File {
        /// The attempted operation, as a verb phrase.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// Content that was written by an earlier process could not be read back.
    #[error("{} is not what this version of harness writes ({reason}): remove the folder if no cluster of that name runs", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate could not be made.
    #[error("cannot make the certificate of {subject}: {source}")]
    Certificate {
        /// Its common name.
        subject: String,
        /// The generator's reason.
        source: rcgen::Error,
    },
    /// No free loopback port could be had.
    #[error("cannot get a free port on 127.0.0.1: {source}")]
    Port {
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A process could not be started.
    #[error("cannot start {component} ({}): {source}", program.display())]
    Spawn {
        /// The component.
        component: String,
        /// Its executable.
        program: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The thread that starts processes is gone; the supervisor cannot go on.
    #[error("cannot start {component}: the thread that starts processes has ended")]
    SpawnerGone {
        /// The component.
        component: String,
    },
    /// A component ended although nobody asked it to.
    #[error("{component} {exit}; its last log lines:\n{log_tail}")]
    ComponentDied {
        /// The component.
        component: String,
        /// How it ended, in words: "ended unexpectedly (exit status: 1)".
        exit: String,
        /// Its last log lines, joined by newlines.
        log_tail: String,
    },
    /// A component did not become ready in time.
    #[error("{component} was not ready after {waited_ms} ms; last seen: {last}; its last log lines:\n{log_tail}")]
    NotReady {
        /// The component.
        component: String,
        /// How long it was waited for, in milliseconds.
        waited_ms: u64,
        /// The last answer or error of its readiness probe.
        last: String,
        /// Its last log lines, joined by newlines.
        log_tail: String,
    },
    /// The cluster was not usable in time.
    #[error("cluster {name:?} was not usable after {waited_ms} ms; last seen: {last}; logs are in {}", logs.display())]
    StartTimeout {
        /// The cluster's name.
        name: String,
        /// How long it was waited for, in milliseconds.
        waited_ms: u64,
        /// The last state seen.
        last: String,
        /// The folder of the components' logs.
        logs: PathBuf,
    },
    /// A component of that name does not exist here.
    #[error("there is no component {name:?}; there are: {known}")]
    UnknownComponent {
        /// The name asked for.
        name: String,
        /// The names that exist, comma separated.
        known: String,
    },
    /// The supervisor did not answer, or answered with an error.
    #[error("the supervisor of cluster {name:?} did not {doing}: {reason}")]
    Supervisor {
        /// The cluster's name.
        name: String,
        /// What it was asked for.
        doing: &'static str,
        /// What came back.
        reason: String,
    },
    /// The API server refused or failed a request of the bootstrap.
    #[error("cannot {doing} {object}: {source}")]
    Api {
        /// The attempted operation, as a verb.
        doing: &'static str,
        /// Kind and name of the object.
        object: String,
        /// The client's error.
        source: Box<kube::Error>,
    },
    /// A Kubernetes client could not be built.
    #[error("cannot build a Kubernetes client from the kubeconfig of {identity}: {reason}")]
    Client {
        /// Whose kubeconfig it is.
        identity: String,
        /// What is wrong, without the kubeconfig's content.
        reason: String,
    },
    /// A wait of the bootstrap ran out.
    #[error("{object} was not {wanted} after {waited_ms} ms; last seen: {last}")]
    Wait {
        /// Kind and name of the object.
        object: String,
        /// The awaited state.
        wanted: &'static str,
        /// How long it was waited for, in milliseconds.
        waited_ms: u64,
        /// The last state seen.
        last: String,
    },
    /// The simulated Azure could not be started.
    #[error("cannot start the simulated Azure: {reason}")]
    Azure {
        /// Its reason.
        reason: String,
    },
    /// The server of the metrics APIs could not be started.
    #[error("cannot start the server of the metrics APIs: {reason}")]
    Metrics {
        /// Its reason.
        reason: String,
    },
    /// The relay of Flux's events could not be started.
    #[error("cannot start the relay of Flux's events on 127.0.0.1: {reason}")]
    EventRelay {
        /// The reason.
        reason: String,
    },
    /// There is no image registry on this machine.
    #[error(
        "there is no docker-registry on PATH: install it (Debian: `apt-get install docker-registry`), then start the cluster again"
    )]
    NoRegistry,
    /// The simulated Azure did not do what it was asked for.
    #[error("{reason}")]
    AzureControl {
        /// What was asked, and why not.
        reason: String,
    },
    /// The way of asking for machines is none that a local cluster has.
    #[error("the provision mode {given:?} is not {}: change HARNESS_PROVISION_MODE or leave it out", PROVISION_MODES.join(" or "))]
    ProvisionMode {
        /// The refused mode.
        given: String,
    },
    /// The target has no such part.
    #[error("this target does not have {what}")]
    NotLocal {
        /// The part.
        what: &'static str,
    },
    /// The Git server could not be started.
    #[error("cannot start the Git server: {reason}")]
    Git {
        /// Its reason.
        reason: String,
    },
}

impl LocalError {
    /// Wraps a file error; for `map_err`.
    pub(crate) fn file(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { doing, path, source }
    }

    /// Wraps an API error; for `map_err`.
    pub(crate) fn api(doing: &'static str, object: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let object = object.into();
        move |source| Self::Api { doing, object, source: Box::new(source) }
    }
}
