//! The kubeconfig target: a cluster that somebody else runs, of which nothing is assumed and nothing is controlled.

use std::path::PathBuf;

use harness_gitops::flux::{self, Flux};
use harness_gitops::git::GitRemote;
use harness_kubernetes::{ApiError, definitions, innermost_reason, is_established};
use harness_local::declared;
use kube::config::{KubeConfigOptions, Kubeconfig};

use crate::cluster::{Cluster, Parts};
use crate::control_plane::ControlPlane;
use crate::error::ClusterError;
use crate::gitops::GitOps;
use crate::provisioner::Provisioner;

/// The CRD by which a cluster shows that it has node auto-provisioning.
const NODE_POOLS: &str = "nodepools.karpenter.sh";

/// Which cluster, and how its Flux is reached.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The kubeconfig; otherwise the files of `KUBECONFIG`, or `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// Its context; otherwise the current one.
    pub context: Option<String>,
    /// A repository that both the harness and the cluster's Flux reach; otherwise the one that Flux follows.
    pub git_url: Option<String>,
}

/// Connects to a cluster and finds out what it has.
///
/// With a Git URL, the GitRepository `flux-system/node-config` follows it from now on.
///
/// # Errors
/// When the kubeconfig cannot be used, the API server does not answer, or the URL is not that of a repository.
pub async fn attach(options: &Options) -> Result<Cluster, ClusterError> {
    let unusable = |source| ClusterError::Kubeconfig { place: place(options), source: Box::new(source) };
    let kubeconfig = match &options.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    let kubeconfig = kubeconfig.map_err(unusable)?;
    let context = options.context.clone().or_else(|| kubeconfig.current_context.clone());
    let selected = KubeConfigOptions { context: options.context.clone(), ..KubeConfigOptions::default() };
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &selected).await.map_err(unusable)?;
    let name = context.unwrap_or_else(|| config.cluster_url.host().unwrap_or("cluster").to_owned());
    let address = config.cluster_url.to_string();
    harness_tls::install_crypto();
    let control_plane = ControlPlane::over_network(config)
        .map_err(|source| ClusterError::Client { identity: name.clone(), source: Box::new(source) })?;
    let client = control_plane.client();
    let version = client.apiserver_version().await.map_err(|source| ClusterError::Unreachable {
        name: name.clone(),
        address,
        reason: innermost_reason(&source),
        source: Box::new(source),
    })?;
    Ok(Cluster::new(Parts {
        name,
        target: "kubeconfig",
        control_plane,
        gitops: gitops(&client, options.git_url.as_deref()).await?,
        provisioner: provisioner(&client).await?,
        components: None,
        metrics: None,
        simulated: declared(&client).await?,
        versions: vec![("kubernetes".to_owned(), version.git_version)],
        local: None,
    }))
}

async fn provisioner(client: &kube::Client) -> Result<Provisioner, ClusterError> {
    let object = format!("CustomResourceDefinition {NODE_POOLS}");
    let found = definitions(client).get_opt(NODE_POOLS).await.map_err(ApiError::request("read", object))?;
    Ok(match found {
        Some(crd) if is_established(&crd.data) => Provisioner::Existing,
        Some(_) | None => Provisioner::Absent,
    })
}

async fn gitops(client: &kube::Client, git_url: Option<&str>) -> Result<GitOps, ClusterError> {
    let object = || format!("GitRepository {}/{}", flux::NAMESPACE, flux::NAME);
    let flux = Flux::new(client);
    if !flux.is_installed().await.map_err(ApiError::request("read", object()))? {
        return match git_url {
            Some(_) => Err(ClusterError::Lacks { what: "a Flux that follows the Git URL: install Flux on it first" }),
            None => Ok(GitOps::Absent),
        };
    }
    let followed = flux.url().await.map_err(ApiError::request("read", object()))?;
    let Some(url) = git_url.or(followed.as_deref()) else { return Ok(GitOps::Absent) };
    let git = GitRemote::new(url)?;
    if followed.as_deref() != Some(url) {
        flux.follow(url).await.map_err(ApiError::request("set the URL of", object()))?;
    }
    Ok(GitOps::Existing { git })
}

fn place(options: &Options) -> String {
    let file = options.kubeconfig.as_ref().map(|path| path.display().to_string());
    let file = file.unwrap_or_else(|| "KUBECONFIG or ~/.kube/config".to_owned());
    match &options.context {
        Some(context) => format!("context {context} of {file}"),
        None => file,
    }
}
