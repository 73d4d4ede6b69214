//! What can go wrong with a target.

use harness_azure::control::ControlError as AzureError;
use harness_components::control::ControlError;
use harness_gitops::git::GitError;
use harness_gitops::receiver::ReceiverError;
use harness_gitops::registry::PublishError;
use harness_kubernetes::{ApiError, plain};
use harness_local::LocalError;

/// A target could not be used, or did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The target has no such part.
    #[error("this target does not have {what}")]
    Lacks {
        /// The part, with its article.
        what: &'static str,
    },
    /// A component could not be controlled, or the supervisor did not answer.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The simulated Azure did not do what it was asked for.
    #[error(transparent)]
    Azure(#[from] AzureError),
    /// The API server refused or failed a request, or an object did not reach a state in time.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A Receiver could not be called.
    #[error(transparent)]
    Receiver(#[from] ReceiverError),
    /// An image could not be pushed.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The repository of the node configuration cannot be used.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A local cluster could not be started, found or taken down.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// A kubeconfig cannot be used.
    #[error("cannot use the kubeconfig ({place}): {source}; choose one with --kubeconfig and --context")]
    Kubeconfig {
        /// Which one.
        place: String,
        /// Why not; holds no content of the file.
        source: Box<kube::config::KubeconfigError>,
    },
    /// The API server of a kubeconfig does not answer.
    #[error(
        "the API server {address} of `{name}` does not answer: {reason}; is the cluster up, and is the kubeconfig current?"
    )]
    Unreachable {
        /// The context.
        name: String,
        /// Its address.
        address: String,
        /// The innermost reason.
        reason: String,
        /// The client's error.
        source: Box<kube::Error>,
    },
    /// No client can be made from a configuration.
    #[error("cannot make a client of the API server for {identity}: {}", plain(source))]
    Client {
        /// Whose configuration it is.
        identity: String,
        /// Why not.
        source: Box<kube::Error>,
    },
}

impl ClusterError {
    /// Whether a second attempt may fare better: something was not there in time, or did not answer.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Control(_) | Self::Api(_) => true,
            Self::Local(error) => error.is_transient(),
            Self::Lacks { .. }
            | Self::Azure(_)
            | Self::Receiver(_)
            | Self::Publish(_)
            | Self::Git(_)
            | Self::Kubeconfig { .. }
            | Self::Unreachable { .. }
            | Self::Client { .. } => false,
        }
    }
}
