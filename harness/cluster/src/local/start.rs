//! The order in which a cluster comes up.

use std::sync::Arc;
use std::time::Duration;

use harness_azure::Simulator;

use super::config::LocalConfig;
use super::error::LocalError;
use super::event_relay::EventRelay;
use super::kubernetes_version::KubernetesVersion;
use super::layout::{Layout, PORTS};
use super::nap::{self, AzureAddresses};
use super::on_demand::OnDemand;
use super::pki::Pki;
use super::ports::Ports;
use super::probes::{Probes, api_server_ready};
use super::registry::Registry;
use super::state_dir::{StateDir, private_dir, write_private};
use super::steps::Steps;
use super::{bootstrap, control_plane, flux_processes, kubeconfig, kwok};
use crate::git::{Author, GitServer};
use crate::metrics::{Metrics, MetricsServer, ServerFiles};

/// How long one component may take to become ready.
const COMPONENT_LIMIT: Duration = Duration::from_secs(60);

/// Identities with a kubeconfig: file name, user, groups.
const IDENTITIES: [(&str, &str, &[&str]); 15] = [
    // The only one beyond RBAC; used by the supervisor to install RBAC.
    ("bootstrap", "harness:bootstrap", &["system:masters"]),
    ("admin", "admin", &["harness:admins"]),
    ("harness", "harness", &[]),
    ("azure-sim", "azure-sim", &[]),
    ("harness-metrics", "harness-metrics", &[]),
    ("kube-controller-manager", "system:kube-controller-manager", &[]),
    ("kube-scheduler", "system:kube-scheduler", &[]),
    ("kwok", "kwok", &[]),
    ("kwok-leases", "kwok-leases", &[]),
    ("karpenter", "karpenter", &[]),
    ("source-controller", "source-controller", &[]),
    ("kustomize-controller", "kustomize-controller", &[]),
    (flux_processes::NOTIFICATION, flux_processes::NOTIFICATION, &[]),
    (flux_processes::IMAGE_REFLECTOR, flux_processes::IMAGE_REFLECTOR, &[]),
    (flux_processes::IMAGE_AUTOMATION, flux_processes::IMAGE_AUTOMATION, &[]),
];

/// What runs inside the supervisor's own process.
pub(crate) struct InProcess {
    pub(crate) azure: Simulator,
    pub(crate) git: Git,
    pub(crate) metrics: MetricsServer,
    pub(crate) events: EventRelay,
    pub(crate) on_demand: OnDemand,
    pub(crate) layout: Layout,
    /// Ask components whether they are ready.
    pub(crate) probes: Probes,
    /// What `/version` says.
    pub(crate) kubernetes_version: String,
    /// What the NAP controller is told of it.
    pub(crate) told_version: KubernetesVersion,
}

/// The Git server and the repository that Flux applies.
pub(crate) struct Git {
    pub(crate) server: GitServer,
    pub(crate) url: String,
}

const EMPTY_TREE: &str = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: []\n";

/// Brings everything up. On an error some components may run; the caller stops them.
pub(crate) async fn bring_up(
    config: &LocalConfig,
    state: &StateDir,
    registry: &Registry,
    steps: &Steps,
    metrics: &Arc<Metrics>,
) -> Result<InProcess, LocalError> {
    let from_ms = steps.now_ms();
    let events = EventRelay::start().await?;
    let layout = Layout {
        bin_dir: config.bin_dir.clone(),
        state: state.clone(),
        ports: Ports::choose(&PORTS)?,
        events_url: events.url(),
    };
    let pki = Pki::create(state)?;
    for (file, user, groups) in IDENTITIES {
        let pair = pki.cluster.client(user, groups)?;
        kubeconfig::write(state, &config.name, &layout.api_url(), file, &pki.cluster, &pair)?;
    }
    let probes = Probes::new(&pki)?;
    let client = kubeconfig::client(&state.kubeconfig("bootstrap")).await?;
    steps.record("certificates", from_ms);

    // Both at once: the API server needs longer to initialise than etcd, and repeats its first connection.
    registry.start(control_plane::etcd(&layout, &pki)).await?;
    registry.start(control_plane::api_server(&layout, &pki)).await?;
    let ((), azure, git, metrics_server) = tokio::try_join!(
        steps.time("kube-apiserver ready", api_server_ready(registry, &client, COMPONENT_LIMIT)),
        steps.time("azure-sim", start_azure(config, state)),
        steps.time("git server", start_git(state)),
        start_metrics(metrics, &pki),
    )?;

    let (addresses, ()) = tokio::try_join!(
        async {
            steps.time("access rules", bootstrap::access(&client)).await?;
            // These need no custom resource, so their start overlaps with the CRDs'.
            registry.start(control_plane::controller_manager(&layout, &pki)).await?;
            registry.start(control_plane::scheduler(&layout, &pki)).await?;
            let token = bootstrap::nap_token(&client).await?;
            nap::write_service_account(state, &token, &pki.cluster.pem())?;
            azure.attach(kubeconfig::client(&state.kubeconfig("azure-sim")).await?);
            metrics.attach(kubeconfig::client(&state.kubeconfig("harness-metrics")).await?).await;
            Ok(AzureAddresses { arm: azure.arm_url(), identity: azure.identity_url() })
        },
        steps.time("custom resources", bootstrap::custom_resources(&client, &config.crds, COMPONENT_LIMIT)),
    )?;

    registry.start(nap::karpenter(&layout, &config.azure, &addresses, &config.provision_mode)).await?;
    registry.start(flux_processes::source_controller(&layout)?).await?;
    registry.start(flux_processes::kustomize_controller(&layout)).await?;
    registry.start(kwok::kwok(&layout)?).await?;
    registry.start(kwok::kwok_leases(&layout)?).await?;

    let ca_pem = pki.cluster.pem();
    let ready = async |component: &str| {
        steps.time(&format!("{component} ready"), probes.ready(registry, &layout, component, COMPONENT_LIMIT)).await
    };
    tokio::try_join!(
        ready("kube-controller-manager"),
        ready("kube-scheduler"),
        ready("kwok"),
        ready("kwok-leases"),
        ready("karpenter"),
        ready("source-controller"),
        ready("kustomize-controller"),
        steps.time("empty tree applied by Flux", async {
            bootstrap::flux(&client, &git.url).await?;
            bootstrap::flux_applied(&client, COMPONENT_LIMIT).await
        }),
        steps.time("metrics APIs registered", bootstrap::metrics_apis(&client, metrics_server.port(), &ca_pem)),
    )?;
    let version = client.apiserver_version().await.map_err(LocalError::api("read", "/version"))?;
    let at_start = azure.kubernetes_version().borrow().clone();
    let told_version = KubernetesVersion::new(state, registry, layout.api_url(), at_start).await?;
    let on_demand = OnDemand::new(
        layout.clone(),
        registry.clone(),
        probes.clone(),
        events.target(),
        config.docker_registry.clone(),
    );
    Ok(InProcess {
        azure,
        git,
        metrics: metrics_server,
        layout,
        probes,
        events,
        on_demand,
        kubernetes_version: version.git_version,
        told_version,
    })
}

async fn start_azure(config: &LocalConfig, state: &StateDir) -> Result<Simulator, LocalError> {
    let azure = Simulator::start(config.azure.clone(), None)
        .await
        .map_err(|error| LocalError::Azure { reason: error.to_string() })?;
    let addresses = AzureAddresses { arm: azure.arm_url(), identity: azure.identity_url() };
    nap::write_azure_files(state, &addresses, azure.ca_pem())?;
    Ok(azure)
}

async fn start_metrics(metrics: &Arc<Metrics>, pki: &Pki) -> Result<MetricsServer, LocalError> {
    let files = ServerFiles {
        certificate: pki.files.certificate("harness-metrics"),
        key: pki.files.key("harness-metrics"),
        client_authority: pki.files.certificate("front-proxy-ca"),
    };
    MetricsServer::start(Arc::clone(metrics), &files)
        .await
        .map_err(|error| LocalError::Metrics { reason: error.to_string() })
}

/// The name of the repository that Flux applies.
const REPOSITORY: &str = "node-config";

/// A Git server whose repository holds a tree without objects: what is applied is nothing, until somebody pushes.
async fn start_git(state: &StateDir) -> Result<Git, LocalError> {
    let failed = |reason: String| LocalError::Git { reason };
    let server = GitServer::start(&state.data().join("git"), 0).await.map_err(|error| failed(error.to_string()))?;
    let repository = server.create_repository(REPOSITORY).await.map_err(|error| failed(error.to_string()))?;
    let remote = server.remote(&repository).map_err(|error| failed(error.to_string()))?;
    let tree = state.data().join("empty-tree");
    private_dir(&tree)?;
    write_private(&tree.join("kustomization.yaml"), EMPTY_TREE)?;
    remote.push_tree(&tree, "Nothing yet", &Author::default()).await.map_err(|error| failed(error.to_string()))?;
    Ok(Git { server, url: repository.url })
}
