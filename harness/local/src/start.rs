//! The order in which a cluster starts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;
use harness_azure::{FactKind, Simulator};
use harness_catalogue::{Component, Port, Starts};
use harness_gitops::git::{Author, GitServer};
use harness_kubernetes::ApiError;
use harness_metrics::{Metrics, MetricsServer, ServerIdentity};
use harness_tls::Pair;

use super::azure_cloud::AzureCloud;
use super::commands::Commands;
use super::config::LocalConfig;
use super::error::LocalError;
use super::event_relay::EventRelay;
use super::karpenter::{self, AzureAddresses};
use super::kubernetes_version::KubernetesVersion;
use super::layout::Layout;
use super::on_demand::OnDemand;
use super::pki::{Pki, PkiFiles, read_pem};
use super::ports::Ports;
use super::probes::Probes;
use super::registry::Registry;
use super::state_dir::{StateDir, private_dir, write_private};
use super::step_timings::StepTimings;
use super::{bootstrap, declaration, kubeconfig};

/// How long one component may take to become ready.
const COMPONENT_LIMIT: Duration = Duration::from_secs(60);

/// The identities besides those of components: the name of the kubeconfig, the user, the groups.
const IDENTITIES: [(&str, &str, &[&str]); 5] = [
    ("admin", "admin", &["harness:admins"]),
    ("harness", "harness", &[]),
    ("validate", "harness-validate", &[]),
    ("azure-sim", "azure-sim", &[]),
    ("harness-metrics", "harness-metrics", &[]),
];
/// The only identity beyond RBAC: the supervisor installs RBAC with it, and asks components whether they are ready.
const BOOTSTRAP: (&str, &str, &[&str]) = ("bootstrap", "harness:bootstrap", &["system:masters"]);

/// What runs inside the supervisor's own process.
pub(crate) struct InProcess {
    pub(crate) azure: Simulator,
    pub(crate) git: Git,
    pub(crate) metrics: MetricsServer,
    pub(crate) events: EventRelay,
    pub(crate) on_demand: OnDemand,
    /// The addresses of the cluster's endpoints, by name.
    pub(crate) endpoints: BTreeMap<String, String>,
    /// The version in the API server's `/version`.
    pub(crate) kubernetes_version: String,
    /// The version that is announced to the NAP controller.
    pub(crate) announced_version: KubernetesVersion,
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
    steps: &StepTimings,
    metrics: &Arc<Metrics>,
) -> Result<InProcess, LocalError> {
    let from_ms = steps.now_ms();
    let events = EventRelay::start().await?;
    let layout = Layout {
        memory_bytes: harness_components::available_memory(),
        bin_dir: config.bin_dir.clone(),
        state: state.clone(),
        ports: Ports::choose()?,
        events_url: events.url(),
    };
    let pki = Pki::create(state)?;
    let kubeconfig = |(file, user, groups): (&str, &str, &[&str])| -> Result<Pair, LocalError> {
        let pair = pki.cluster.client(user, groups)?;
        kubeconfig::write(state, &config.name, &layout.api_url(), file, &pki.cluster, &pair)?;
        Ok(pair)
    };
    let bootstrap_pair = kubeconfig(BOOTSTRAP)?;
    for identity in IDENTITIES {
        kubeconfig(identity)?;
    }
    for (component, user) in Component::ALL.iter().filter_map(|it| Some((it, it.user()?))) {
        kubeconfig((component.name(), user, &[]))?;
    }
    let probes = Probes::new(&pki.files, &bootstrap_pair)?;
    let client = kubeconfig::client(&state.kubeconfig("bootstrap")).await?;
    steps.record("certificates", from_ms);

    let azure = steps.time("azure-sim", start_azure(config, state)).await?;
    let commands = Commands {
        layout: layout.clone(),
        azure: config.azure.clone(),
        addresses: AzureAddresses { arm: azure.arm_url(), identity: azure.identity_url(), proxy: azure.proxy_url() },
        cloud: config.cloud,
        provision_mode: config.provision_mode.clone(),
    };
    let start = async |component: Component| registry.start(component, commands.launch(component)?).await;
    let ready = async |component: Component| {
        let ready = probes.ready(registry, &layout, component, COMPONENT_LIMIT);
        steps.time(&format!("{component} ready"), ready).await
    };

    // Both at the same time: the API server needs longer to initialise than etcd, and repeats its first connection.
    start(Component::Etcd).await?;
    start(Component::KubeApiserver).await?;
    let ((), git, metrics_server) = tokio::try_join!(
        ready(Component::KubeApiserver),
        steps.time("git server", start_git(state)),
        start_metrics(metrics, &pki.files),
    )?;

    tokio::try_join!(
        async {
            steps.time("access rules", bootstrap::access(&client)).await?;
            // These need no custom resource, so their start overlaps with the CRDs'.
            start(Component::KubeControllerManager).await?;
            start(Component::KubeScheduler).await?;
            declaration::declare(&client).await?;
            let token = bootstrap::karpenter_token(&client).await?;
            karpenter::write_service_account(state, &token, &pki.cluster.pem())?;
            azure.attach(kubeconfig::client(&state.kubeconfig("azure-sim")).await?);
            metrics.attach(kubeconfig::client(&state.kubeconfig("harness-metrics")).await?).await;
            Ok(())
        },
        steps.time("custom resources", bootstrap::custom_resources(&client, &config.crds, COMPONENT_LIMIT)),
    )?;

    // The remaining components need the custom resources.
    let with_cluster: Vec<Component> =
        Component::ALL.iter().copied().filter(|it| it.starts() == Starts::WithCluster).collect();
    for component in with_cluster.iter().filter(|component| !registry.runs(**component)) {
        start(*component).await?;
    }
    // It was waited for above.
    let not_ready_yet = with_cluster.iter().filter(|component| **component != Component::KubeApiserver);
    let ca_pem = pki.cluster.pem();
    tokio::try_join!(
        try_join_all(not_ready_yet.map(|component| ready(*component))),
        steps.time("empty tree applied by Flux", async {
            bootstrap::flux(&client, &git.url).await?;
            bootstrap::flux_applied(&client, COMPONENT_LIMIT).await
        }),
        steps.time("parts of AKS", async { azure.settled().await.map_err(LocalError::Parts) }),
        steps.time("prices read by the controller", prices_read(config.cloud, &azure)),
        steps.time("metrics APIs registered", bootstrap::metrics_apis(&client, metrics_server.port(), &ca_pem)),
    )?;
    let version = client.apiserver_version().await.map_err(ApiError::request("read", "/version"))?;
    let at_start = azure.kubernetes_version().borrow().clone();
    let announced_version = KubernetesVersion::new(state, registry, layout.api_url(), at_start).await?;
    let endpoints = [
        ("kubernetes", layout.api_url()),
        ("git", git.url.clone()),
        ("arm", azure.arm_url()),
        ("identity", azure.identity_url()),
        ("azure-control", azure.control_url()),
        ("azure-proxy", azure.proxy_url()),
        ("karpenter-metrics", format!("http://{}/metrics", layout.ports.address(Component::Karpenter, Port::Metrics))),
        // These two answer once a run has needed them.
        (
            "flux-receiver",
            format!("http://{}", layout.ports.address(Component::NotificationController, Port::Receiver)),
        ),
        ("image-registry", layout.ports.address(Component::ImageRegistry, Port::Main)),
    ];
    Ok(InProcess {
        endpoints: endpoints.into_iter().map(|(name, url)| (name.to_owned(), url)).collect(),
        azure,
        git,
        metrics: metrics_server,
        on_demand: OnDemand::new(commands, registry.clone(), probes, events.target()),
        events,
        kubernetes_version: version.git_version,
        announced_version,
    })
}

async fn start_azure(config: &LocalConfig, state: &StateDir) -> Result<Simulator, LocalError> {
    let azure = Simulator::start(config.azure.clone(), None).await?;
    karpenter::write_azure_files(state, &azure)?;
    Ok(azure)
}

/// Waits until the NAP controller has the prices by which it decides. It does not wait for them itself, and has those of its built-in table until then.
async fn prices_read(cloud: AzureCloud, azure: &Simulator) -> Result<(), LocalError> {
    if cloud == AzureCloud::Custom {
        return Ok(());
    }
    let read = async {
        let mut after = 0;
        loop {
            let page = azure.facts().wait_after(after, COMPONENT_LIMIT).await;
            if page.facts.iter().any(|fact| matches!(fact.kind, FactKind::PricesRead { .. })) {
                return;
            }
            after = page.next;
        }
    };
    let not_read = |_| LocalError::PricesNotRead { waited_ms: COMPONENT_LIMIT.as_millis() as u64 };
    tokio::time::timeout(COMPONENT_LIMIT, read).await.map_err(not_read)
}

async fn start_metrics(metrics: &Arc<Metrics>, files: &PkiFiles) -> Result<MetricsServer, LocalError> {
    let identity = ServerIdentity {
        certificate: &read_pem(&files.certificate("harness-metrics"))?,
        key: &read_pem(&files.key("harness-metrics"))?,
        client_authority: &read_pem(&files.certificate("front-proxy-ca"))?,
    };
    Ok(MetricsServer::start(Arc::clone(metrics), identity).await?)
}

/// The name of the repository that Flux applies.
const REPOSITORY: &str = "node-config";

/// A Git server whose repository holds a tree without objects: Flux applies nothing until the first push.
async fn start_git(state: &StateDir) -> Result<Git, LocalError> {
    let server = GitServer::start(&state.data().join("git"), 0).await?;
    let repository = server.create_repository(REPOSITORY).await?;
    let remote = server.remote(&repository)?;
    let tree = state.data().join("empty-tree");
    private_dir(&tree)?;
    write_private(&tree.join("kustomization.yaml"), EMPTY_TREE)?;
    remote.push_tree(&tree, "Nothing yet", &Author::default()).await?;
    Ok(Git { server, url: repository.url })
}
