//! What can go wrong while a local cluster is started, used or stopped.

use std::error::Error;
use std::path::PathBuf;

use harness_azure::control::ControlError as AzureControlError;
use harness_components::control::ControlError;
use harness_gitops::git::{GitError, GitServerError};
use harness_kubernetes::ApiError;
use harness_tls::CertificateError;

/// An error of any library.
pub(crate) type BoxedError = Box<dyn Error + Send + Sync>;

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
    #[error(
        "cluster {name:?} is already up (supervisor process {pid}): use it, or stop it with `harness down --cluster {name}`"
    )]
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
    #[error("{} is not what this version of harness writes: {source}; remove the folder if no cluster of that name runs", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A certificate could not be created.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// No free loopback port was found.
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
    /// The thread that starts processes has ended; the supervisor cannot continue.
    #[error("cannot start {component}: the thread that starts processes has ended")]
    SpawnerGone {
        /// The component.
        component: String,
    },
    /// A component ended without being stopped.
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
    #[error(transparent)]
    Supervisor(#[from] ControlError),
    /// The API server refused or failed a request, or an object did not reach a state in time.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The NAP controller could not be given another version of the control plane.
    #[error("cannot announce Kubernetes {version} to the NAP controller: {source}")]
    Announce {
        /// The version, without `v`.
        version: String,
        /// Why not.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The proxy that answers with another version of the control plane could not be started.
    #[error("cannot start the version proxy: {0}")]
    VersionProxy(#[from] harness_tls::TlsError),
    /// The cluster is not up yet, or no longer.
    #[error("the cluster is not up: wait until `harness status` shows it ready")]
    NotUp,
    /// A Kubernetes client could not be built.
    #[error("cannot build a client with the certificate of {identity}: {source}")]
    Client {
        /// The user of the certificate.
        identity: String,
        /// What is wrong with its kubeconfig or certificate; without their content.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The simulated Azure could not be started.
    #[error("cannot start the simulated Azure: {0}")]
    Azure(#[from] harness_azure::Error),
    /// The server of the metrics APIs could not be started.
    #[error(transparent)]
    Metrics(#[from] harness_metrics::ServerError),
    /// The relay of Flux's events could not be started.
    #[error("cannot start the relay of Flux's events on 127.0.0.1: {source}")]
    EventRelay {
        /// Why not.
        source: Box<dyn Error + Send + Sync>,
    },
    /// No client of the simulated Azure's control endpoint could be built.
    #[error("cannot build a client of the simulated Azure's control endpoint: {0}")]
    AzureControl(#[source] AzureControlError),
    /// NAP cannot ask the simulated Azure for machines in this way.
    #[error("the provision mode {given:?} is not {modes}: change HARNESS_PROVISION_MODE or leave it out")]
    ProvisionMode {
        /// The refused mode.
        given: String,
        /// Those that it can, joined by "or".
        modes: String,
    },
    /// The NAP controller has not read the simulated price list.
    #[error(
        "the NAP controller has not read the price list within {waited_ms} ms; its log says why (`pricing`), and with \
         HARNESS_AZURE_CLOUD=custom it does without"
    )]
    PricesNotRead {
        /// How long it was waited for, milliseconds.
        waited_ms: u64,
    },
    /// AKS's own parts could not be put into the cluster: why.
    #[error("cannot put into the cluster what AKS does: {0}")]
    Parts(String),
    /// `HARNESS_AZURE_CLOUD` names no cloud.
    #[error("the Azure cloud {given:?} is not {clouds}: change HARNESS_AZURE_CLOUD or leave it out")]
    Cloud {
        /// The refused name.
        given: String,
        /// Those that it can, joined by "or".
        clouds: String,
    },
    /// The Git server could not be started.
    #[error("cannot start the Git server: {0}")]
    GitServer(#[from] GitServerError),
    /// The repository that Flux applies could not be used.
    #[error("cannot use the repository of the node configuration: {0}")]
    Git(#[from] GitError),
}

impl LocalError {
    /// Whether a second attempt may succeed: something was not ready in time, or did not answer.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Supervisor(_) | Self::Api(_) | Self::NotReady { .. } | Self::StartTimeout { .. })
    }

    /// Wraps an error in the content of a file; for `map_err`.
    pub(crate) fn content<E: Into<BoxedError>>(path: impl Into<PathBuf>) -> impl FnOnce(E) -> Self {
        let path = path.into();
        move |error| Self::Content { path, source: error.into() }
    }

    /// Wraps the error of a client that cannot be built; for `map_err`.
    pub(crate) fn client<E: Into<BoxedError>>(identity: impl Into<String>) -> impl FnOnce(E) -> Self {
        let identity = identity.into();
        move |error| Self::Client { identity, source: error.into() }
    }

    /// Wraps a file error; for `map_err`.
    pub(crate) fn file(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { doing, path, source }
    }
}
