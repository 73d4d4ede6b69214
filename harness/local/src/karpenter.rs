//! The unmodified NAP controller (Azure/karpenter-provider-azure), pointed at the simulated Azure.
//!
//! Its metrics and health ports bind every interface: `METRICS_PORT` and `HEALTH_PROBE_PORT` take no address
//! (karpenter v1.14 `pkg/operator/operator.go`). They serve metrics and health only.

use std::path::PathBuf;

use harness_azure::{Config as AzureConfig, Simulator};
use harness_catalogue::{Component, Port};

use super::azure_cloud::AzureCloud;
use super::error::LocalError;
use super::layout::Layout;
use super::process::Launch;
use super::state_dir::{StateDir, private_dir, write_private};

/// The namespace of the controller's service account.
pub(crate) const NAMESPACE: &str = "karpenter";
/// The service account whose token it reads at the path that pods use.
pub(crate) const SERVICE_ACCOUNT: &str = "karpenter";

/// A public key without a private half: the controller requires one, and simulated machines have no login.
const SSH_PUBLIC_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA harness";

/// Addresses that the controller and any other Azure client need.
#[derive(Clone, Debug)]
pub(crate) struct AzureAddresses {
    /// `https://127.0.0.1:P/`
    pub(crate) arm: String,
    /// `http://127.0.0.1:P/identity`
    pub(crate) identity: String,
    /// `http://127.0.0.1:P`: the way to the simulated Azure under its public names.
    pub(crate) proxy: String,
}

/// The file that describes the simulated Azure as a cloud of its own to Azure SDKs.
pub(crate) fn environment_file(state: &StateDir) -> PathBuf {
    state.root().join("azure-environment.json")
}

/// The CA that signed the simulated Azure's certificate.
pub(crate) fn azure_ca_file(state: &StateDir) -> PathBuf {
    state.pki().join("azure-ca.crt")
}

/// The folder with `token`, `ca.crt` and `namespace` that the controller sees at the in-cluster path.
pub(crate) fn service_account_dir(state: &StateDir) -> PathBuf {
    state.root().join("karpenter-service-account")
}

/// Writes what Azure clients need: the environment file and the CA.
pub(crate) fn write_azure_files(state: &StateDir, azure: &Simulator) -> Result<(), LocalError> {
    write_private(&environment_file(state), azure.environment_file())?;
    write_private(&azure_ca_file(state), azure.ca_pem())
}

/// Writes the files of the service account.
pub(crate) fn write_service_account(state: &StateDir, token: &str, ca_pem: &str) -> Result<(), LocalError> {
    let dir = service_account_dir(state);
    private_dir(&dir)?;
    write_private(&dir.join("token"), token)?;
    write_private(&dir.join("ca.crt"), ca_pem)?;
    write_private(&dir.join("namespace"), NAMESPACE)
}

/// The controller's command line and environment. Its files must have been written.
pub(crate) fn controller(
    layout: &Layout,
    azure: &AzureConfig,
    addresses: &AzureAddresses,
    (cloud, provision_mode): (AzureCloud, &str),
) -> Launch {
    let mut launch = layout.launch(Component::Karpenter);
    launch.service_account = Some(service_account_dir(&layout.state));
    launch.keep = vec![layout.state.root().to_owned(), layout.bin_dir.clone()];
    let path = |path: PathBuf| path.to_string_lossy().into_owned();
    let vars = [
        ("KUBECONFIG", path(layout.state.kubeconfig("karpenter"))),
        // client-go's in-cluster configuration, which it reads besides the kubeconfig.
        ("KUBERNETES_SERVICE_HOST", "127.0.0.1".to_owned()),
        ("KUBERNETES_SERVICE_PORT", layout.ports.get(Component::KubeApiserver, Port::Main).to_string()),
        ("DISABLE_LEADER_ELECTION", "true".to_owned()),
        ("SYSTEM_NAMESPACE", NAMESPACE.to_owned()),
        ("METRICS_PORT", layout.ports.get(Component::Karpenter, Port::Metrics).to_string()),
        ("HEALTH_PROBE_PORT", layout.ports.get(Component::Karpenter, Port::Health).to_string()),
        ("KUBE_CLIENT_QPS", "1000".to_owned()),
        ("KUBE_CLIENT_BURST", "2000".to_owned()),
        ("LOG_LEVEL", "info".to_owned()),
        ("FEATURE_GATES", "NodeRepair=true".to_owned()),
        ("SSL_CERT_FILE", path(azure_ca_file(&layout.state))),
        ("IDENTITY_ENDPOINT", addresses.identity.clone()),
        ("IDENTITY_HEADER", azure.identity_header.expose().to_owned()),
        ("ENABLE_AZURE_SDK_LOGGING", "false".to_owned()),
        ("AZURE_SUBSCRIPTION_ID", azure.subscription_id.clone()),
        ("AZURE_TENANT_ID", azure.tenant_id.clone()),
        ("ARM_RESOURCE_GROUP", azure.resource_group.clone()),
        ("AZURE_NODE_RESOURCE_GROUP", azure.node_resource_group.clone()),
        ("LOCATION", azure.location.clone()),
        ("CLUSTER_NAME", azure.cluster_name.clone()),
        ("CLUSTER_ENDPOINT", layout.api_url()),
        // Nodes are registered by the simulated Azure; no kubelet ever uses it.
        ("KUBELET_BOOTSTRAP_TOKEN", "harnes.0123456789abcdef".to_owned()),
        ("SSH_PUBLIC_KEY", SSH_PUBLIC_KEY.to_owned()),
        ("VNET_SUBNET_ID", azure.subnet_id()),
        ("VNET_GUID", "00000000-0000-4000-8000-0000000000f0".to_owned()),
        ("NETWORK_PLUGIN", "azure".to_owned()),
        ("NETWORK_PLUGIN_MODE", "overlay".to_owned()),
        ("NETWORK_DATAPLANE", "azure".to_owned()),
        ("PROVISION_MODE", provision_mode.to_owned()),
        ("AKS_MACHINES_POOL_NAME", azure.machines_pool.clone()),
        ("USE_SIG", "true".to_owned()),
        ("SIG_ACCESS_TOKEN_SERVER_URL", format!("{}sig-token", addresses.arm)),
        ("SIG_SUBSCRIPTION_ID", azure.subscription_id.clone()),
    ];
    // It refuses a name and a file at the same time (`pkg/auth/config.go`).
    let of_cloud = match cloud {
        AzureCloud::Custom => vec![("AZURE_ENVIRONMENT_FILEPATH", path(environment_file(&layout.state)))],
        // What is not on loopback goes through the proxy, which answers Azure's hosts and refuses all others.
        AzureCloud::Public => vec![
            ("ARM_CLOUD", "AzurePublicCloud".to_owned()),
            ("HTTPS_PROXY", addresses.proxy.clone()),
            ("HTTP_PROXY", addresses.proxy.clone()),
            ("NO_PROXY", "127.0.0.1,localhost".to_owned()),
        ],
    };
    let vars = vars.into_iter().chain(of_cloud);
    launch.env.extend(vars.map(|(name, value)| (name.to_owned(), value.into())));
    launch
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the controller is given in the custom cloud, and what `harness env` names for other clients of Azure.
    #[tokio::test]
    async fn a_client_that_has_the_files_of_the_custom_cloud_reaches_the_simulated_azure() {
        harness_tls::install_crypto();
        let temp = tempfile::tempdir().unwrap();
        let state = StateDir::create(temp.path().join("cluster")).unwrap();
        let azure = Simulator::start(AzureConfig::default(), None).await.unwrap();
        write_azure_files(&state, &azure).unwrap();

        let cloud = std::fs::read(environment_file(&state)).unwrap();
        let cloud: serde_json::Value = serde_json::from_slice(&cloud).unwrap();
        let arm = cloud["resourceManagerEndpoint"].as_str().unwrap();
        assert!(arm.starts_with("https://127.0.0.1:"), "{cloud}");
        let ca = reqwest::Certificate::from_pem(&std::fs::read(azure_ca_file(&state)).unwrap()).unwrap();
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([ca]).build().unwrap();
        let answer = client.get(format!("{arm}subscriptions?api-version=2022-12-01")).send().await.unwrap();
        assert_eq!(answer.status(), reqwest::StatusCode::UNAUTHORIZED, "it is Resource Manager, and wants a token");
        azure.shutdown().await;
    }
}
